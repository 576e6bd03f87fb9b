//! Every kind of fault: its code, why it is one, and how to mend it.

macro_rules! catalogue {
    ($($code:ident $word:literal: $cause:literal; $cure:literal;)*) => {
        /// A kind of fault.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code {
            $(#[doc = $cause] $code,)*
        }

        impl Code {
            /// Every kind, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The stable word for it, as `--json` gives it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$code => $word),* }
            }

            /// Why it is a fault.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$code => $cause),* }
            }

            /// How to mend it.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$code => $cure),* }
            }
        }
    };
}

catalogue! {
    // Files.
    MissingFile "missing-file":
        "A model needs model.toml and every table, even the empty ones.";
        "Add the file; an empty table is its header line alone.";
    UnreadableFile "unreadable-file":
        "The file exists but cannot be read as a plain file.";
        "See that it is a regular file and that its permissions let you read it.";
    FileTooLarge "file-too-large":
        "Reading is bounded: 256 MiB a table, 64 KiB for model.toml.";
        "Split the network into several models, or remove what does not belong to it.";
    LineTooLong "line-too-long":
        "Reading is bounded: 1 MiB a row.";
        "See whether the line ends were lost, or a shape has far more points than its street needs.";
    TooManyRows "too-many-rows":
        "Reading is bounded: 2 000 000 rows a table.";
        "Split the network into several models.";
    InvalidUtf8 "invalid-utf8":
        "Tables are UTF-8 text; these bytes are not.";
        "Save the file as \"CSV UTF-8\", or convert it from its old encoding.";
    NulByte "nul-byte":
        "A NUL byte never stands in a table; the file is damaged or in another encoding (UTF-16).";
        "Restore the file, or save it as \"CSV UTF-8\".";
    BadQuoting "bad-quoting":
        "Quotes do not pair up, so that the cells cannot be told apart.";
        "Put the whole cell in quotes and double each quote inside it.";
    // Headers and cells.
    MissingColumn "missing-column":
        "The header lacks a column that is read.";
        "Add the column to the header and its cells to each row.";
    DuplicateColumn "duplicate-column":
        "Two columns have the same name, so that it is unclear which counts.";
        "Rename or remove one of them.";
    WrongFieldCount "wrong-field-count":
        "The row has more or fewer cells than the header.";
        "Add or remove commas; put cells that hold a comma in quotes.";
    EmptyCell "empty-cell":
        "The column needs a value in each row.";
        "Fill the cell.";
    BadNumber "bad-number":
        "The cell does not hold a number.";
        "Write digits with a point as the decimal mark: no unit, no spaces, no decimal comma.";
    NotFinite "not-finite":
        "NaN and infinity are no values.";
        "Write a number, or leave the cell empty where the column allows it.";
    OutOfRange "out-of-range":
        "The number lies outside what the column allows.";
        "See the column's range and unit in docs/network-model.md.";
    UnknownWord "unknown-word":
        "The column knows only certain words.";
        "Use one of the words that the message lists.";
    OffGlobe "off-globe":
        "Longitude runs from -180 to 180 degrees, latitude from -90 to 90.";
        "See that the values are WGS 84 degrees, with x_coord the longitude and y_coord the latitude.";
    BadGeometry "bad-geometry":
        "A shape is WKT: LINESTRING (lon lat, lon lat, …) with two points or more.";
        "Write the shape that way; an empty geometry_id makes the link a straight line.";
    // model.toml.
    BadToml "bad-toml":
        "model.toml is not valid TOML, or a value in it has the wrong type.";
        "Mend the line; text stands in double quotes.";
    MissingKey "missing-key":
        "model.toml lacks a key that is read.";
        "Add the key; docs/network-model.md lists them.";
    WrongFormatVersion "wrong-format-version":
        "This program reads format version 1.";
        "Make the model again with this version's `clearway network import`, or use the program that made it.";
    WrongCrs "wrong-crs":
        "Coordinates are WGS 84 degrees; nothing is transformed on reading.";
        "Transform the coordinates to EPSG:4326 and set crs = \"EPSG:4326\".";
    WrongUnits "wrong-units":
        "All values are metres, seconds and metres a second; nothing is converted on reading.";
        "Convert the values and set units = \"si\".";
    // Keys and references.
    DuplicateId "duplicate-id":
        "Two rows have the same key, so that references to it are ambiguous.";
        "Give one of the rows another key, or remove it.";
    UnknownReference "unknown-reference":
        "The cell names something that no table holds.";
        "Mend the name, or add the row that it names.";
    DanglingLink "dangling-link":
        "A link begins and ends at nodes of the model.";
        "Mend the node id, or add the node to node.csv.";
    WrongController "wrong-controller":
        "The row names one controller and refers to something of another.";
        "Set controller_id to the controller that the plan or detector belongs to.";
    // Roads and tracks.
    UndirectedLink "undirected-link":
        "Each link has one direction here.";
        "Write two links, one for each direction, both with directed = true.";
    GeometryOffLink "geometry-off-link":
        "The shape's ends lie more than 100 m from the nodes that the link joins.";
        "See whether the link names the right geometry_id and nodes.";
    MovementApart "movement-apart":
        "A movement leaves a link at its end and enters another at its start: both at the movement's node.";
        "Set node_id to the node where the links meet, or mend ib_link_id or ob_link_id.";
    OneWayTrap "one-way-trap":
        "Traffic that gets in never gets out, or none can ever get in: vehicles would vanish or pile up.";
        "Add the missing link, movement or turnback, or set node_type = boundary where the model was cut.";
    // Signals.
    TooManyControllers "too-many-controllers":
        "The engine's bound is 16 384 controllers.";
        "Split the city into several models, one engine each.";
    TooManyGroups "too-many-groups":
        "The engine's bound is 64 signal groups a controller.";
        "Split the junction into several controllers, as the street has it.";
    GroupGap "group-gap":
        "Groups are numbered from 1 without gaps, so that the number is the index.";
        "Number the groups of the controller 1, 2, 3…";
    GroupWithoutMovement "group-without-movement":
        "A signal group that rules nothing is a mistake in the tables.";
        "Add a signal_phase_mvmt row with the movement, or the link that pedestrians cross; or remove the group.";
    MovementWithoutGroup "movement-without-group":
        "The movement says that a signal rules it, and no signal group does.";
        "Add a signal_phase_mvmt row for it, or set its ctrl_type to what is there.";
    MovementOfTwoControllers "movement-of-two-controllers":
        "A movement obeys the signals of one controller.";
        "Remove the signal_phase_mvmt row of the wrong controller.";
    GroupWithoutEnding "group-without-ending":
        "A vehicle group ends with yellow, a pedestrian group with its clearance; zero is neither.";
        "Set yellow (vehicle) or clearance (pedestrian) to the site's value.";
    PairWithItself "pair-with-itself":
        "A group stands in no relation to itself.";
        "Remove the row, or mend from_group or to_group.";
    DuplicateIndex "duplicate-index":
        "Two rows name the same number at the controller, so that one would be read for the other.";
        "Give each its own number, as the controller's configuration has it.";
    ConflictWithoutIntergreen "conflict-without-intergreen":
        "Conflicting groups need an intergreen time.";
        "Fill intergreen with the value of the controller's intergreen matrix.";
    IntergreenWithoutConflict "intergreen-without-conflict":
        "Only conflicting groups have an intergreen time.";
        "Set relation to conflict, or empty intergreen.";
    OneSidedConflict "one-sided-conflict":
        "A conflict holds in both directions, each with its own intergreen.";
        "Add the row with from_group and to_group exchanged, or set its relation to conflict.";
    ShortIntergreen "short-intergreen":
        "The intergreen counts from the end of green, so that it holds the ending group's yellow or clearance.";
        "Set intergreen to at least the yellow (clearance) of from_group, plus what the site needs after it.";
    DetectorOffLink "detector-off-link":
        "The detector lies farther from the stop line than the link is long.";
        "Name the link that it really lies in, or mend the distance.";
    // Plans.
    NoPlan "no-plan":
        "A controller runs a plan; this one has none, or its plan has no stage.";
        "Add a signal_timing_plan row and its stage rows.";
    StageOrder "stage-order":
        "Stages follow each other in the order of their numbers and do not overlap.";
        "Mend start and end, or number the stages in the order of the cycle.";
    StageConflict "stage-conflict":
        "Conflicting groups would be green together.";
        "Take one of the groups out of the stage, or mend their group_pair rows.";
    ShortGreen "short-green":
        "A green of the plan is shorter than the group's minimum green.";
        "Make the stages of the group longer, or mend min_green.";
    CutIntergreen "cut-intergreen":
        "The plan starts a group before the intergreen after a conflicting group has passed.";
        "Start the later stage later, or end the earlier one earlier.";
    OffsetWithoutGreen "offset-without-green":
        "The offset refers to an instant of a group that the plan never shows.";
        "Set coord_phase to a group that is green in the plan, or empty coord_ref_to: the start of the cycle.";
    RingPlace "ring-place":
        "Each phase of a ring stands before a barrier, at a position of its own.";
        "Number the barriers from 1, and give each phase of a ring and barrier its own position.";
    OutsideRings "outside-rings":
        "Where phases have a ring and a passage time the rings rule, and a group outside them would never be green.";
        "Give the group ring, barrier and position, or list it in overlap; or set every extension to 0: then the plan rules.";
    // Requests.
    TooManyRequests "too-many-requests":
        "The engine's bound is 32 request rows a controller.";
        "Bind only the rows that this engine needs to write or to watch.";
    DwellConflict "dwell-conflict":
        "The groups that a request holds green together may not be in conflict.";
        "Take one of the groups out of dwell_groups.";
    RowWithoutPath "row-without-path":
        "A row of ours serves at least one path through the controller.";
        "Fill paths, or set owner to whose row it is.";
    BrokenPath "broken-path":
        "The movements of a path follow each other, link by link, without a gap.";
        "List the movements in the order in which a vehicle makes them.";
    PathTooLong "path-too-long":
        "The engine's bound is 8 movements a path.";
        "Split the junction into several controllers, as the street has it.";
    PathNotSignalled "path-not-signalled":
        "A path enters the controller by a movement that a group of this very controller rules.";
        "Begin the path at the stop line of this controller, and leave out movements of others.";
    PathOutsideDwell "path-outside-dwell":
        "The vehicle would stand before a red signal while its request is served.";
        "Add the movement's group to dwell_groups, or take the path out of the row.";
    RowOutranksRail "row-outranks-rail":
        "Lower numbers win, and nothing of ours wins over a level crossing.";
        "Bind our request to a row above all rail rows.";
    ChannelNotCarried "channel-not-carried":
        "A row of ours can be asked only through a channel that the link to the controller carries.";
        "Add the capability to controller_link, if the controller has it; else remove the row.";
    TransitPreempts "transit-preempts":
        "Trams and buses ask for priority; they never preempt.";
        "Set channel to priority; where the controller has none, remove the row.";
    PresenceUnbounded "presence-unbounded":
        "A row of ours gives up by itself: maximum presence is 1 to 240 s, and dwell ends within it.";
        "Set max_presence to 1 to 240 s and min_dwell below it, in the controller too.";
    // Transit.
    BrokenLine "broken-line":
        "The links of a line follow each other, joined by movements that its vehicles may make.";
        "Add the missing link or movement, or mend the order of links.";
    StopOffLine "stop-off-line":
        "A line calls at its stops in order, each at a link of its own.";
        "Mend link_id or sequence, or add the link to the line.";
    StopOffLink "stop-off-link":
        "The stop lies farther from the start of the link than the link is long.";
        "Mend offset, or name the next link.";
    DoesNotCompile "does-not-compile":
        "The tables are sound one by one, yet the network cannot be built from them.";
        "Mend what the message names.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
