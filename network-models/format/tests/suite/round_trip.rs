//! What is written is what is read, byte for byte and row for row.

use std::fs;

use clearway_format::model::{Meta, Model, Source};
use clearway_format::table::{Field, Kind, Row};
use clearway_format::{read, write};
use proptest::prelude::*;

use crate::folder::two_crossroads;

#[test]
fn writing_the_hand_made_model_gives_its_very_bytes() {
    let model = read(&two_crossroads()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(&model, dir.path()).unwrap();
    let mut names: Vec<_> =
        fs::read_dir(two_crossroads()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), fs::read_dir(dir.path()).unwrap().count());
    for name in names {
        let text = |dir: &std::path::Path| fs::read_to_string(dir.join(&name)).unwrap();
        let same = text(dir.path()) == text(&two_crossroads());
        assert!(same, "{} is not what write gives", name.display());
    }
}

#[test]
fn a_column_that_may_be_absent_is_written_once_a_row_says_something_in_it() {
    let mut model = read(&two_crossroads()).unwrap();
    let header = |model: &Model| {
        let dir = tempfile::tempdir().unwrap();
        write(model, dir.path()).unwrap();
        assert_eq!(&read(dir.path()).unwrap(), model);
        let described = fs::read_to_string(dir.path().join("datapackage.json")).unwrap();
        let link = fs::read_to_string(dir.path().join("link.csv")).unwrap();
        (
            link.lines().next().unwrap().ends_with("allowed_uses,lanes_source"),
            described.contains("lanes_source"),
        )
    };
    assert_eq!(header(&model), (false, false));
    model.links[1].lanes_source = Some(Source::Surveyed);
    assert_eq!(header(&model), (true, true));
}

/// Any text that a cell of this column may hold.
fn cell(field: &Field) -> BoxedStrategy<String> {
    let filled = match field.kind {
        Kind::Text => any::<String>()
            .prop_map(|text| text.replace('\0', ""))
            .prop_filter("not empty", |t| !t.is_empty())
            .boxed(),
        Kind::Id => "[a-zA-Z0-9,\";#äß-]{1,8}".boxed(),
        Kind::Ids => "[a-z0-9]{1,4}( [a-z0-9]{1,4}){0,3}".boxed(),
        Kind::Paths => "m[0-9]{1,2}( m[0-9]){0,2}(\\|m[0-9]{1,2}){0,2}".boxed(),
        Kind::Number(min, max) => (min..=max).prop_map(|number| number.to_string()).boxed(),
        Kind::Degrees(max) => (-max..=max).prop_map(|number| number.to_string()).boxed(),
        Kind::Integer(min, max) => (min..=max).prop_map(|number| number.to_string()).boxed(),
        Kind::Integers => "[1-9]{1,2}( [1-9]{1,2}){0,4}".boxed(),
        Kind::Word(words) => prop::sample::select(words).prop_map(str::to_owned).boxed(),
        Kind::Words(separator, words) => prop::sample::subsequence(words, 1..=words.len())
            .prop_map(move |words| words.join(&separator.to_string()))
            .boxed(),
        Kind::LineString => Just("LINESTRING (24.9 60.1, 24.8 60.2)".to_owned()).boxed(),
    };
    if field.required { filled } else { prop_oneof![filled, Just(String::new())].boxed() }
}

fn rows<T: Row + std::fmt::Debug>() -> impl Strategy<Value = Vec<T>> {
    let cells: Vec<_> = T::TABLE.fields.iter().map(cell).collect();
    let row = cells.prop_map(|cells| T::from_cells(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
    prop::collection::vec(row, 0..4)
}

fn round_trip(model: &Model) {
    let dir = tempfile::tempdir().unwrap();
    write(model, dir.path()).unwrap();
    let back = read(dir.path()).unwrap_or_else(|report| panic!("{}", report.render()));
    assert_eq!(&back, model);
}

fn meta(name: String) -> Meta {
    Meta { format_version: 1, name, crs: "EPSG:4326".into(), units: "si".into(), ..Meta::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_roads_and_transit_come_back(
        name in any::<String>(),
        nodes in rows(), links in rows(), geometries in rows(), movements in rows(),
        lines in rows(), stops in rows(), turnbacks in rows(),
    ) {
        let meta = meta(name.replace('\0', ""));
        round_trip(&Model { meta, nodes, links, geometries, movements, lines, stops, turnbacks, ..Model::default() });
    }

    #[test]
    fn any_plans_come_back(
        controllers in rows(), timing_plans in rows(), timing_phases in rows(), phase_movements in rows(),
        coordinations in rows(), detectors in rows(), stages in rows(),
    ) {
        let meta = meta(String::new());
        round_trip(&Model {
            meta, controllers, timing_plans, timing_phases, phase_movements, coordinations, detectors, stages,
            ..Model::default()
        });
    }

    #[test]
    fn any_groups_and_bindings_come_back(
        groups in rows(), overlaps in rows(), group_pairs in rows(), group_bindings in rows(),
        request_bindings in rows(), detector_bindings in rows(), controller_links in rows(),
    ) {
        let meta = meta(String::new());
        round_trip(&Model {
            meta, groups, overlaps, group_pairs, group_bindings, request_bindings, detector_bindings, controller_links,
            ..Model::default()
        });
    }
}
