//! The part of OpenStreetMap's data model that the importer reads, and its reader for PBF files.

use std::collections::BTreeMap;
use std::io::Read;

use osmpbf::{Element, ElementReader, RelMemberType};

use super::ImportError;

/// OSM's identifier of a node, way or relation.
pub type OsmId = i64;
/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Most elements that one import reads; a city has a tenth of it.
const ELEMENTS_MAX: usize = 20_000_000;

/// A node.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OsmNode {
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Its tags.
    pub tags: Tags,
}

/// A way. Some of its nodes may be missing from a clipped extract.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OsmWay {
    /// Node ids, in the order drawn.
    pub nodes: Vec<OsmId>,
    /// Its tags.
    pub tags: Tags,
}

/// What a relation's member is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberKind {
    /// A node.
    Node,
    /// A way.
    Way,
    /// Another relation.
    Relation,
}

/// A member of a relation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// What it is.
    pub kind: MemberKind,
    /// Which one.
    pub id: OsmId,
    /// In which role.
    pub role: String,
}

/// A relation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OsmRelation {
    /// Its members, in order.
    pub members: Vec<Member>,
    /// Its tags.
    pub tags: Tags,
}

/// An extract, sorted by id, so that everything made from it is the same each time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OsmData {
    /// Nodes.
    pub nodes: BTreeMap<OsmId, OsmNode>,
    /// Ways.
    pub ways: BTreeMap<OsmId, OsmWay>,
    /// Relations.
    pub relations: BTreeMap<OsmId, OsmRelation>,
}

/// A tag's value, or an empty string.
pub fn tag<'a>(tags: &'a Tags, key: &str) -> &'a str {
    tags.get(key).map_or("", String::as_str)
}

/// Whether a tag has exactly this value.
pub fn has(tags: &Tags, key: &str, value: &str) -> bool {
    tag(tags, key) == value
}

/// Read a PBF file.
///
/// # Errors
/// When the bytes are not a readable PBF file or hold too much.
pub fn read_pbf(bytes: impl Read + Send) -> Result<OsmData, ImportError> {
    let mut data = OsmData::default();
    let mut bad_text = None;
    ElementReader::new(bytes).for_each(|element| {
        if data.nodes.len() + data.ways.len() < ELEMENTS_MAX
            && let Err(error) = add(&mut data, element)
        {
            bad_text.get_or_insert(error);
        }
    })?;
    if let Some(error) = bad_text {
        return Err(error.into());
    }
    if data.nodes.len() + data.ways.len() >= ELEMENTS_MAX {
        return Err(ImportError::TooLarge(ELEMENTS_MAX));
    }
    Ok(data)
}

fn add(data: &mut OsmData, element: Element<'_>) -> Result<(), osmpbf::Error> {
    match element {
        Element::DenseNode(node) => {
            let place = OsmNode { lat: node.lat(), lon: node.lon(), tags: owned(node.tags()) };
            data.nodes.insert(node.id(), place);
        }
        Element::Node(node) => {
            let place = OsmNode { lat: node.lat(), lon: node.lon(), tags: owned(node.tags()) };
            data.nodes.insert(node.id(), place);
        }
        Element::Way(way) => {
            data.ways.insert(way.id(), OsmWay { nodes: way.refs().collect(), tags: owned(way.tags()) });
        }
        Element::Relation(relation) => {
            let mut members = Vec::new();
            for member in relation.members() {
                let kind = match member.member_type {
                    RelMemberType::Node => MemberKind::Node,
                    RelMemberType::Way => MemberKind::Way,
                    RelMemberType::Relation => MemberKind::Relation,
                };
                members.push(Member { kind, id: member.member_id, role: member.role()?.to_owned() });
            }
            data.relations.insert(relation.id(), OsmRelation { members, tags: owned(relation.tags()) });
        }
    }
    Ok(())
}

fn owned<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
