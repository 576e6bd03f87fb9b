//! Writing a model: the tables, `model.toml`, and what GMNS tools want beside them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::datapackage;
use crate::meta;
use crate::model::{self, Meta, Model};
use crate::schema::{USES, each_table};
use crate::table::Row;

/// What keeps a model from being written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A table could not be put into CSV.
    #[error("cannot write table {table}: {source}")]
    Csv {
        /// The table.
        table: &'static str,
        /// What the writer says.
        source: csv::Error,
    },
    /// `model.toml` could not be put into TOML.
    #[error("cannot write model.toml: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// Write a model into a folder, which is made if need be; files of the same names are replaced.
/// The same model gives the same bytes.
///
/// # Errors
/// The first file that could not be written.
pub fn write(model: &Model, dir: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(dir).map_err(|source| WriteError::Io { path: dir.to_owned(), source })?;
    put(dir, meta::FILE, toml::to_string(&model.meta)?.as_bytes())?;
    let mut written = Vec::new();
    macro_rules! write_each {
        ($($member:ident: $row:ident),* $(,)?) => {
            $(written.push((model::$row::TABLE, write_table(dir, &model.$member)?));)*
        };
    }
    each_table!(write_each);
    put(dir, "config.csv", gmns_config(&model.meta)?.as_slice())?;
    put(dir, "use_definition.csv", gmns_uses()?.as_slice())?;
    put(dir, "datapackage.json", datapackage::describe(&model.meta, &written).as_bytes())
}

fn put(dir: &Path, file: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let path = dir.join(file);
    fs::write(&path, bytes).map_err(|source| WriteError::Io { path, source })
}

/// Write one table; gives the columns that it has, by their positions.
fn write_table<T: Row>(dir: &Path, rows: &[T]) -> Result<Vec<usize>, WriteError> {
    let rows: Vec<Vec<String>> = rows.iter().map(Row::to_cells).collect();
    let columns = T::TABLE.needed(&rows);
    let header = columns.iter().map(|&at| T::TABLE.fields[at].name.to_owned()).collect();
    let cells = rows.iter().map(|cells| columns.iter().map(|&at| cells[at].clone()).collect());
    put(dir, &T::TABLE.file(), &to_csv(T::TABLE.name, std::iter::once(header).chain(cells))?)?;
    Ok(columns)
}

fn to_csv(table: &'static str, records: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, WriteError> {
    let fail = |source| WriteError::Csv { table, source };
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(fail)?;
    }
    writer.into_inner().map_err(|error| fail(csv::Error::from(error.into_error())))
}

/// GMNS `config`: `model.toml` in GMNS's words. Clearway does not read it.
fn gmns_config(meta: &Meta) -> Result<Vec<u8>, WriteError> {
    let columns = [
        ("dataset_name", meta.name.as_str()),
        ("short_length", "m"),
        ("long_length", "m"),
        ("speed", "m/s"),
        ("crs", meta.crs.as_str()),
        ("geometry_field_format", "WKT"),
        ("version_number", "0.96"),
        ("id_type", "string"),
    ];
    let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let values = columns.iter().map(|(_, value)| (*value).to_owned()).collect();
    to_csv("config", [names, values].into_iter())
}

/// GMNS `use_definition`: the words of `allowed_uses`. Clearway does not read it.
fn gmns_uses() -> Result<Vec<u8>, WriteError> {
    let header = ["use", "persons_per_vehicle", "pce"].map(str::to_owned).to_vec();
    let rows = USES.iter().map(|word| {
        // Customary planning values; GMNS requires some.
        let (persons, pce) = match *word {
            "car" => ("1.4", "1"),
            "bus" => ("30", "2"),
            "tram" => ("60", "3"),
            "emergency" => ("4", "1.5"),
            "bicycle" => ("1", "0.2"),
            _ => ("1", "0"),
        };
        [word, persons, pce].map(str::to_owned).to_vec()
    });
    to_csv("use_definition", std::iter::once(header).chain(rows))
}
