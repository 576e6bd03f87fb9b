//! Sessions with a scripted site.
