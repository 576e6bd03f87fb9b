//! Importers: from other people's data into our model.

pub mod osm;
pub mod sumo;
