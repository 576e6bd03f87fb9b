mod cases;
mod invariants;
pub mod town;
