mod cases;
mod invariants;
mod town;
