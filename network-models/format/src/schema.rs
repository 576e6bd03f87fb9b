//! The tables of a model: the one definition that reading, writing, checking and
//! `datapackage.json` share.

mod clearway;
mod gmns;

use crate::model;
use crate::table::{Row, Table};

/// Calls a macro with every table of a [`model::Model`]: its member and its row's type, in the
/// order in which they are written and checked.
macro_rules! each_table {
    ($do:ident) => {
        $do! {
            nodes: Node,
            links: Link,
            geometries: Geometry,
            movements: Movement,
            controllers: SignalController,
            timing_plans: TimingPlan,
            timing_phases: TimingPhase,
            phase_movements: PhaseMovement,
            coordinations: Coordination,
            detectors: SignalDetector,
            groups: SignalGroupRow,
            stages: Stage,
            overlaps: Overlap,
            group_pairs: GroupPair,
            group_bindings: GroupBinding,
            request_bindings: RequestBinding,
            detector_bindings: DetectorBinding,
            lines: TransitLine,
            stops: TransitStop,
            turnbacks: Turnback,
            controller_links: ControllerLink,
        }
    };
}
pub(crate) use each_table;

macro_rules! table_list {
    ($($member:ident: $row:ident),* $(,)?) => {
        /// Every table, in the order in which they are written and checked.
        pub const TABLES: &[Table] = &[$(<model::$row as Row>::TABLE),*];
    };
}
each_table!(table_list);

/// The words of `allowed_uses`.
pub const USES: &[&str] = &["car", "bus", "tram", "bicycle", "foot", "emergency"];
/// `node_type` of a node where the model was cut out of a larger network.
pub const BOUNDARY: &str = "boundary";
/// `owner` of a request row that is ours.
pub const OWNER_OURS: &str = "clearway";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Reference;

    #[test]
    fn every_key_and_reference_names_a_column_that_exists() {
        for table in TABLES {
            for key in table.key {
                assert!(table.position(key).is_some(), "{}.{key}", table.name);
            }
            for field in table.fields {
                match field.refers {
                    Some(Reference::Table(other)) => {
                        assert!(TABLES.iter().any(|t| t.name == other), "{}.{}", table.name, field.name);
                    }
                    Some(Reference::Group) => assert!(table.position("controller_id").is_some()),
                    None => {}
                }
            }
        }
    }
}
