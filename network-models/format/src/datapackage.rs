//! `datapackage.json`: a Tabular Data Package (Frictionless, profile 1) that describes every table,
//! so that GMNS tools and spreadsheets of statisticians open a model without knowing Clearway.

use serde_json::{Map, Value, json};

use crate::model::Meta;
use crate::schema::TABLES;
use crate::table::{Field, Kind, Origin, Reference, Table};

/// The description of tables and of the columns that they have, by position; indented JSON with a line
/// end.
pub(crate) fn describe(meta: &Meta, tables: &[(Table, Vec<usize>)]) -> String {
    let mut resources: Vec<Value> = tables.iter().map(resource).collect();
    resources.push(plain_resource(
        "config",
        "GMNS config: model.toml in GMNS's words.",
        &[
            ("dataset_name", "string"),
            ("short_length", "string"),
            ("long_length", "string"),
            ("speed", "string"),
            ("crs", "string"),
            ("geometry_field_format", "string"),
            ("version_number", "number"),
            ("id_type", "string"),
        ],
    ));
    resources.push(plain_resource(
        "use_definition",
        "GMNS use_definition: the words of allowed_uses.",
        &[("use", "string"), ("persons_per_vehicle", "number"), ("pce", "number")],
    ));
    let package = json!({
        "profile": "tabular-data-package",
        "name": slug(&meta.name),
        "title": meta.name,
        "description": meta.notice,
        "licenses": [{ "name": meta.license }],
        "contributors": [{ "title": meta.attribution }],
        "resources": resources,
    });
    format!("{package:#}\n")
}

/// Names of packages have only these characters.
fn slug(name: &str) -> String {
    let dashed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(dashed).collect();
    if slug.is_empty() { "model".to_owned() } else { slug }
}

fn resource((table, columns): &(Table, Vec<usize>)) -> Value {
    let origin = match table.origin {
        Origin::Gmns => "GMNS",
        Origin::Clearway => "Clearway",
    };
    let keys: Vec<Value> = table.fields.iter().filter_map(foreign_key).collect();
    let mut schema = Map::new();
    schema.insert("fields".into(), columns.iter().map(|&at| field(&table.fields[at])).collect());
    schema.insert("missingValues".into(), json!([""]));
    schema.insert("primaryKey".into(), json!(table.key));
    if !keys.is_empty() {
        schema.insert("foreignKeys".into(), Value::Array(keys));
    }
    frame(table.name, &format!("{origin}. {}", table.about), Value::Object(schema))
}

fn plain_resource(name: &str, about: &str, fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> =
        fields.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    frame(name, about, json!({ "fields": fields, "missingValues": [""] }))
}

fn frame(name: &str, about: &str, schema: Value) -> Value {
    json!({
        "profile": "tabular-data-resource",
        "name": name,
        "path": format!("{name}.csv"),
        "description": about,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    })
}

fn field(field: &Field) -> Value {
    let mut constraints = Map::new();
    if field.required {
        constraints.insert("required".into(), json!(true));
    }
    let mut range = |min: Value, max: Value| {
        constraints.insert("minimum".into(), min);
        constraints.insert("maximum".into(), max);
    };
    let kind = match field.kind {
        Kind::Word(["true", "false"]) => "boolean",
        Kind::Number(min, max) => {
            range(json!(min), json!(max));
            "number"
        }
        Kind::Degrees(max) => {
            range(json!(-max), json!(max));
            "number"
        }
        Kind::Integer(min, max) => {
            range(json!(min), json!(max));
            "integer"
        }
        Kind::Word(words) => {
            constraints.insert("enum".into(), json!(words));
            "string"
        }
        _ => "string",
    };
    let about = if field.unit.is_empty() {
        field.about.to_owned()
    } else {
        format!("{}, {}", field.about, field.unit)
    };
    let mut object = Map::new();
    object.insert("name".into(), json!(field.name));
    object.insert("type".into(), json!(kind));
    object.insert("description".into(), json!(about));
    if !constraints.is_empty() {
        object.insert("constraints".into(), Value::Object(constraints));
    }
    Value::Object(object)
}

/// Lists of keys have no foreign key in this format; their descriptions say what they hold.
fn foreign_key(field: &Field) -> Option<Value> {
    match (field.refers?, field.kind) {
        (Reference::Table(table), Kind::Id) => {
            let key = TABLES.iter().find(|t| t.name == table)?.key[0];
            Some(json!({ "fields": field.name, "reference": { "resource": table, "fields": key } }))
        }
        (Reference::Group, Kind::Integer(..)) => Some(json!({
            "fields": ["controller_id", field.name],
            "reference": { "resource": "signal_group", "fields": ["controller_id", "group_num"] },
        })),
        _ => None,
    }
}
