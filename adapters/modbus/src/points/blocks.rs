//! Points that are read together: neighbours in one request.

use super::profile::{Place, Table};
use crate::exchange::Request;
use crate::frame::{READ_MAX, Span};

/// Coils or inputs of one read, by the protocol.
const BITS_MAX: u16 = 2_000;

/// Runs of points, in the order in which they are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Blocks(Vec<(Table, Span)>);

impl Blocks {
    /// The fewest runs that hold these places and no others: a device need not have the points
    /// between.
    pub(super) fn of(places: impl Iterator<Item = Place>) -> Self {
        let mut places: Vec<Place> = places.collect();
        places.sort_unstable();
        places.dedup();
        let mut runs: Vec<(Table, Span)> = Vec::new();
        for Place { table, address } in places {
            match runs.last_mut() {
                Some((of, span))
                    if *of == table
                        && span.first + (span.count - 1) == address.wrapping_sub(1)
                        && address != 0
                        && span.count < longest(table) =>
                {
                    span.count += 1;
                }
                _ => runs.push((table, Span { first: address, count: 1 })),
            }
        }
        Self(runs)
    }

    /// One read for each run.
    pub(super) fn requests(&self) -> Vec<Request> {
        let request = |(table, span): &(Table, Span)| match table {
            Table::Coils => Request::ReadCoils(*span),
            Table::Discretes => Request::ReadDiscretes(*span),
            Table::Holdings => Request::ReadHoldings(*span),
            Table::Inputs => Request::Read(*span),
        };
        self.0.iter().map(request).collect()
    }

    /// Whether values came for every point, run by run.
    pub(super) fn fit(&self, values: &[Vec<u16>]) -> bool {
        let lengths = self.0.iter().map(|(_, span)| usize::from(span.count));
        lengths.eq(values.iter().map(Vec::len))
    }

    /// The value of a place among values that fit; 0 for one that was not asked for.
    pub(super) fn value(&self, values: &[Vec<u16>], place: Place) -> u16 {
        let found = self.0.iter().zip(values).find_map(|((table, span), values)| {
            let offset = place.address.checked_sub(span.first)?;
            (*table == place.table).then(|| values.get(usize::from(offset)).copied())?
        });
        found.unwrap_or(0)
    }
}

const fn longest(table: Table) -> u16 {
    match table {
        Table::Coils | Table::Discretes => BITS_MAX,
        Table::Holdings | Table::Inputs => READ_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(table: Table, addresses: &[u16]) -> Vec<Place> {
        addresses.iter().map(|address| Place { table, address: *address }).collect()
    }

    #[test]
    fn neighbours_are_read_together_and_gaps_are_never_touched() {
        let places = [at(Table::Inputs, &[7, 5, 6, 5, 9]), at(Table::Coils, &[8, 65_535])].concat();
        let blocks = Blocks::of(places.into_iter());
        let expected = [
            Request::ReadCoils(Span { first: 8, count: 1 }),
            Request::ReadCoils(Span { first: 65_535, count: 1 }),
            Request::Read(Span { first: 5, count: 3 }),
            Request::Read(Span { first: 9, count: 1 }),
        ];
        assert_eq!(blocks.requests(), expected);
        let values = [vec![1], vec![0], vec![10, 11, 12], vec![13]];
        assert!(blocks.fit(&values) && !blocks.fit(&values[1..]));
        let value = |table, address| blocks.value(&values, Place { table, address });
        assert_eq!([value(Table::Coils, 8), value(Table::Inputs, 6), value(Table::Inputs, 9)], [1, 11, 13]);
        assert_eq!([value(Table::Inputs, 8), value(Table::Holdings, 5)], [0, 0]);
    }

    #[test]
    fn no_run_is_longer_than_the_protocol_allows() {
        let places = (0..=u16::MAX).map(|address| Place { table: Table::Holdings, address });
        let blocks = Blocks::of(places);
        assert!(blocks.0.iter().all(|(_, span)| (1..=READ_MAX).contains(&span.count)));
        assert_eq!(blocks.0.iter().map(|(_, span)| usize::from(span.count)).sum::<usize>(), 65_536);
    }
}
