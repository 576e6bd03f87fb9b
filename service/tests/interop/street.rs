//! Streets of many crossings, made of the reference junction with four stages: a model on disk of any
//! size, for measurements.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::root;

/// Columns that hold an id, or ids in paths.
const IDS: [&str; 17] = [
    "node_id",
    "from_node_id",
    "to_node_id",
    "ref_node_id",
    "link_id",
    "ib_link_id",
    "ob_link_id",
    "mvmt_id",
    "controller_id",
    "coord_contr_id",
    "timing_plan_id",
    "timing_phase_id",
    "signal_phase_mvmt_id",
    "coordination_id",
    "detector_id",
    "geometry_id",
    "paths",
];
/// Tables that are the same for one junction and for many.
const SHARED: [&str; 2] = ["config.csv", "use_definition.csv"];
/// Streets lie this many half junctions apart.
const APART: f64 = 3.0;

type Row = BTreeMap<String, String>;

/// Write a model of `streets` streets with `crossings` crossings each, from west to east.
pub fn write(streets: usize, crossings: usize, to: &Path) {
    let from = root().join("network-models/reference-four-stage");
    for entry in fs::read_dir(&from).expect("the reference model") {
        let path = entry.expect("readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        let is_table = name.ends_with(".csv") && !SHARED.contains(&name);
        if !is_table {
            fs::copy(&path, to.join(name)).expect("a writable folder");
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).expect("a table");
        let head: Vec<String> = reader.headers().expect("a head").iter().map(str::to_owned).collect();
        let rows: Vec<Row> = reader.deserialize().map(|row| row.expect("a row")).collect();
        let mut writer = csv::Writer::from_path(to.join(name)).expect("a writable folder");
        writer.write_record(&head).expect("a row");
        for street in 0..streets {
            for crossing in 0..crossings {
                let mut table = Table { street, crossing, crossings, rows: Vec::new() };
                rows.iter().for_each(|row| table.copy(row));
                if name == "movement.csv" && crossing > 0 {
                    table.join();
                }
                for row in table.rows {
                    let cells = head.iter().map(|column| row.get(column).map_or("", String::as_str));
                    writer.write_record(cells).expect("a row");
                }
            }
        }
    }
}

/// The links that lead along a street from west to east.
pub fn along(street: usize, crossings: usize) -> Vec<String> {
    let of = |crossing| [format!("k{street}_{crossing}_w_in"), format!("k{street}_{crossing}_e_out")];
    (0..crossings).flat_map(of).collect()
}

/// The rows of one table for one crossing.
struct Table {
    street: usize,
    crossing: usize,
    crossings: usize,
    rows: Vec<Row>,
}

impl Table {
    fn id(&self, crossing: usize, id: &str) -> String {
        format!("k{}_{crossing}_{id}", self.street)
    }

    /// The west end of a crossing is the east end of the one before.
    fn cell(&self, column: &str, value: &str) -> String {
        let is_node = column.ends_with("node_id");
        if value.is_empty() || !IDS.contains(&column) {
            value.to_owned()
        } else if is_node && value == "w" && self.crossing > 0 {
            self.id(self.crossing - 1, "e")
        } else if column == "paths" {
            let path = |path: &str| {
                path.split(' ').map(|id| self.id(self.crossing, id)).collect::<Vec<_>>().join(" ")
            };
            value.split('|').map(path).collect::<Vec<_>>().join("|")
        } else {
            self.id(self.crossing, value)
        }
    }

    fn copy(&mut self, row: &Row) {
        let is_node = row.contains_key("node_type");
        if is_node && self.crossing > 0 && row["node_id"] == "w" {
            return;
        }
        let mut copy: Row =
            row.iter().map(|(column, value)| (column.clone(), self.cell(column, value))).collect();
        for (column, by) in [("x_coord", self.crossing * 4), ("y_coord", self.street)] {
            let Some(cell) = copy.get_mut(column) else { continue };
            #[allow(clippy::cast_precision_loss)]
            let far =
                if column == "x_coord" { 0.001_796_6 * by as f64 } else { 0.001_796_6 * APART * by as f64 };
            if let Ok(at) = cell.parse::<f64>() {
                *cell = format!("{:.7}", at + far);
            }
        }
        if is_node && row["node_id"] == "e" && self.crossing + 1 < self.crossings {
            copy.insert("node_type".into(), String::new());
        }
        self.rows.push(copy);
    }

    /// The street goes on from the crossing before, and back.
    fn join(&mut self) {
        let (before, here) = (self.crossing - 1, self.crossing);
        let add = |id: &str, ib: String, ob: String| {
            let cells = [
                ("mvmt_id", self.id(here, id)),
                ("node_id", self.id(before, "e")),
                ("ib_link_id", ib),
                ("start_ib_lane", "1".into()),
                ("end_ib_lane", "1".into()),
                ("ob_link_id", ob),
                ("type", "thru".into()),
                ("ctrl_type", "no_control".into()),
                ("allowed_uses", "car,bus,emergency".into()),
            ];
            cells.into_iter().map(|(column, cell)| (column.to_owned(), cell)).collect::<Row>()
        };
        let east = add("east", self.id(before, "e_out"), self.id(here, "w_in"));
        let west = add("west", self.id(here, "w_out"), self.id(before, "e_in"));
        self.rows.extend([east, west]);
    }
}
