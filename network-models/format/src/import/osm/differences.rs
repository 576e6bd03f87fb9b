//! Difference constraints over whole seconds: `to − from ≥ least`, solved by longest paths.
//!
//! The least solution is found by relaxing every constraint until nothing moves (Bellman, Ford); values
//! that still move after as many rounds as there are values run around a positive cycle: no solution.

/// `value[to] − value[from] ≥ least`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Constraint {
    /// The earlier instant.
    pub from: usize,
    /// The later instant.
    pub to: usize,
    /// Seconds between them, at least.
    pub least: i32,
}

/// Raise the values until all constraints hold; `false`, with the values in disorder, when they never do.
pub fn settle(constraints: &[Constraint], values: &mut [i32]) -> bool {
    for _ in 0..=values.len() {
        let mut moved = false;
        for constraint in constraints {
            let needed = values[constraint.from] + constraint.least;
            if values[constraint.to] < needed {
                values[constraint.to] = needed;
                moved = true;
            }
        }
        if !moved {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_least(from: usize, to: usize, least: i32) -> Constraint {
        Constraint { from, to, least }
    }

    #[test]
    fn a_chain_settles_at_its_longest_path() {
        let mut values = [0, 0, 0];
        assert!(settle(&[at_least(1, 2, 4), at_least(0, 1, 5), at_least(0, 2, 7)], &mut values));
        assert_eq!(values, [0, 5, 9]);
    }

    #[test]
    fn a_loop_settles_if_it_does_not_ask_for_more_than_it_gives() {
        assert!(settle(&[at_least(0, 1, 5), at_least(1, 0, -5)], &mut [0, 0]));
        assert!(!settle(&[at_least(0, 1, 5), at_least(1, 0, -4)], &mut [0, 0]));
    }
}
