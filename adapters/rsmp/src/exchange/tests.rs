//! The exchange before a scripted site: the conformance kit, and what is RSMP's own.
