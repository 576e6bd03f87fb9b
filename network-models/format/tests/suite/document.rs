//! `docs/network-model.md` says what the code does: its tables are made from the definitions.
//!
//! `UPDATE_EXPECT=1` writes them into the document.

use std::fs;
use std::path::Path;

use clearway_format::Code;
use clearway_format::schema::TABLES;
use clearway_format::table::{Field, Kind, Origin, Table};

fn kind(field: &Field) -> String {
    let unit = if field.unit.is_empty() { String::new() } else { format!(" {}", field.unit) };
    match field.kind {
        Kind::Text => "text".to_owned(),
        Kind::Id => "id".to_owned(),
        Kind::Ids => "ids".to_owned(),
        Kind::Paths => "paths of ids".to_owned(),
        Kind::Number(min, max) => format!("{min} to {max}{unit}"),
        Kind::Degrees(max) => format!("-{max} to {max}{unit}"),
        Kind::Integer(min, max) => format!("whole, {min} to {max}"),
        Kind::Integers => "numbers".to_owned(),
        Kind::Word(words) => words.join(", "),
        Kind::Words(',', words) => format!("some of: {}; with commas", words.join(", ")),
        Kind::Words(_, words) => format!("some of: {}; with spaces", words.join(", ")),
        Kind::LineString => "WKT".to_owned(),
    }
}

fn describe(table: &Table) -> String {
    let mut text = format!("#### {}\n\n{} Key: `{}`.\n\n", table.name, table.about, table.key.join("`, `"));
    text += "| column | holds | meaning |\n|---|---|---|\n";
    for field in table.fields {
        let empty = match (field.may_be_absent, field.required) {
            (true, _) => "; may be empty, or the column absent",
            (false, true) => "",
            (false, false) => "; may be empty",
        };
        let about = field.about.replace('|', "\\|");
        text += &format!("| `{}` | {}{empty} | {about} |\n", field.name, kind(field));
    }
    text + "\n"
}

fn tables(origin: Origin) -> String {
    TABLES.iter().filter(|table| table.origin == origin).map(describe).collect()
}

fn faults() -> String {
    let mut text = "| code | cause | cure |\n|---|---|---|\n".to_owned();
    for code in Code::ALL {
        text += &format!("| `{}` | {} | {} |\n", code.word(), code.cause(), code.cure());
    }
    text + "\n"
}

/// The document with the part between two marks replaced.
fn with_part(document: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: made from the code -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}\n{part}{end}{after}")
}

#[test]
fn the_document_describes_every_table_and_every_fault() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/network-model.md");
    let document = fs::read_to_string(&path).unwrap();
    let mut current = with_part(&document, "GMNS tables", &tables(Origin::Gmns));
    current = with_part(&current, "Clearway tables", &tables(Origin::Clearway));
    current = with_part(&current, "faults", &faults());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
        return;
    }
    assert!(document == current, "docs/network-model.md is stale: run the test with UPDATE_EXPECT=1");
}
