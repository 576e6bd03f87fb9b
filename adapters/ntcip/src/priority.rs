//! The blocks of NTCIP 1211: priority requests and their states as octets (OER, big endian, fixed
//! lengths, no tags), byte-exact in both directions.

pub use clearway_contract::PrsStatus;

/// Octets of a vehicle id.
pub const VEHICLE_ID_LEN: usize = 17;
/// Octets of a selector: cancel, clear, status control.
pub const SELECTOR_LEN: usize = 21;
/// Octets of a request or an update.
pub const REQUEST_LEN: usize = 25;
/// Octets of a request or an update with absolute time.
pub const ABSOLUTE_LEN: usize = 29;
/// Octets of a status block.
pub const STATUS_LEN: usize = 23;
/// Rows of the table between priority server and coordinator.
pub const SERVICE_ROWS: usize = 10;
/// Octets of that table.
pub const SERVICE_LEN: usize = 110;
const SERVICE_ROW_LEN: usize = 10;

/// Why octets are no block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockError {
    /// Of another length.
    #[error("{found} octets where the block has {expected}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A status that the standard does not know.
    #[error("{0} is no request status")]
    Status(u8),
    /// A flag that is neither false nor true.
    #[error("{0} is no boolean")]
    Flag(u8),
}

/// A vehicle's id as it travels: 17 octets, shorter ones at the end behind zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct VehicleId(pub [u8; VEHICLE_ID_LEN]);

impl VehicleId {
    /// From a shorter id; the last 17 octets of a longer one.
    #[must_use]
    pub fn right_justified(id: &[u8]) -> Self {
        let mut octets = [0; VEHICLE_ID_LEN];
        for (place, octet) in octets.iter_mut().rev().zip(id.iter().rev()) {
            *place = *octet;
        }
        Self(octets)
    }
}

/// Which request, whose, and how important.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Selector {
    /// The request's number, 1 to 255.
    pub request: u8,
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Class of the vehicle, 1 (highest) to 10.
    pub class_type: u8,
    /// Level within the class, 1 (highest) to 10.
    pub class_level: u8,
    /// The strategy that is asked for, 1 to 255: the number of a priority row.
    pub strategy: u8,
}

impl Selector {
    /// The octets of cancel, clear and status control.
    #[must_use]
    pub fn encode(&self) -> [u8; SELECTOR_LEN] {
        let mut octets = [0; SELECTOR_LEN];
        octets[0] = self.request;
        octets[1..18].copy_from_slice(&self.vehicle.0);
        octets[18..].copy_from_slice(&[self.class_type, self.class_level, self.strategy]);
        octets
    }

    /// From the octets of cancel, clear and status control.
    ///
    /// # Errors
    /// They are of another length.
    pub fn decode(octets: &[u8]) -> Result<Self, BlockError> {
        Ok(Self::of(&fixed::<SELECTOR_LEN>(octets)?))
    }

    fn of(octets: &[u8; SELECTOR_LEN]) -> Self {
        let [request, rest @ ..] = octets;
        let mut vehicle = VehicleId::default();
        vehicle.0.copy_from_slice(&rest[..VEHICLE_ID_LEN]);
        let [class_type, class_level, strategy] = [rest[17], rest[18], rest[19]];
        Self { request: *request, vehicle, class_type, class_level, strategy }
    }
}

/// A request or an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PriorityRequest {
    /// Which.
    pub selector: Selector,
    /// Seconds until service is desired: until the vehicle reaches the stop line.
    pub service_s: u16,
    /// Seconds until the vehicle will have left.
    pub departure_s: u16,
}

impl PriorityRequest {
    /// The octets, with times that count from the message's arrival.
    #[must_use]
    pub fn encode(&self) -> [u8; REQUEST_LEN] {
        let mut octets = [0; REQUEST_LEN];
        octets[..SELECTOR_LEN].copy_from_slice(&self.selector.encode());
        octets[21..23].copy_from_slice(&self.service_s.to_be_bytes());
        octets[23..].copy_from_slice(&self.departure_s.to_be_bytes());
        octets
    }

    /// The octets of the absolute variants; `epoch_s` is the wall clock (seconds since 1970, UTC)
    /// that the times count from.
    #[must_use]
    pub fn encode_absolute(&self, epoch_s: u32) -> [u8; ABSOLUTE_LEN] {
        let mut octets = [0; ABSOLUTE_LEN];
        octets[..REQUEST_LEN].copy_from_slice(&self.encode());
        octets[REQUEST_LEN..].copy_from_slice(&epoch_s.to_be_bytes());
        octets
    }

    /// From the octets.
    ///
    /// # Errors
    /// They are of another length.
    pub fn decode(octets: &[u8]) -> Result<Self, BlockError> {
        let octets = fixed::<REQUEST_LEN>(octets)?;
        Ok(Self {
            selector: Selector::decode(&octets[..SELECTOR_LEN])?,
            service_s: u16::from_be_bytes([octets[21], octets[22]]),
            departure_s: u16::from_be_bytes([octets[23], octets[24]]),
        })
    }

    /// From the octets of the absolute variants: the request, and the second its times count from.
    ///
    /// # Errors
    /// They are of another length.
    pub fn decode_absolute(octets: &[u8]) -> Result<(Self, u32), BlockError> {
        let octets = fixed::<ABSOLUTE_LEN>(octets)?;
        let epoch_s = u32::from_be_bytes([octets[25], octets[26], octets[27], octets[28]]);
        Ok((Self::decode(&octets[..REQUEST_LEN])?, epoch_s))
    }
}

/// What the status buffer says of the selected request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusBlock {
    /// Which.
    pub selector: Selector,
    /// Its state in the priority server.
    pub status: PrsStatus,
    /// The last octet, which has no meaning for us.
    pub reserved: u8,
}

impl StatusBlock {
    /// The octets.
    #[must_use]
    pub fn encode(&self) -> [u8; STATUS_LEN] {
        let mut octets = [0; STATUS_LEN];
        octets[..SELECTOR_LEN].copy_from_slice(&self.selector.encode());
        octets[21] = self.status.code();
        octets[22] = self.reserved;
        octets
    }

    /// From the octets.
    ///
    /// # Errors
    /// They are of another length, or hold a status that the standard does not know.
    pub fn decode(octets: &[u8]) -> Result<Self, BlockError> {
        let octets = fixed::<STATUS_LEN>(octets)?;
        let selector = Selector::decode(&octets[..SELECTOR_LEN])?;
        let status = PrsStatus::from_code(octets[21]).ok_or(BlockError::Status(octets[21]))?;
        Ok(Self { selector, status, reserved: octets[22] })
    }
}

/// One row of the table between priority server and coordinator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceRow {
    /// The strategy; 0 for a row that holds nothing.
    pub strategy: u8,
    /// When service is desired, seconds since 1970.
    pub service_epoch_s: u32,
    /// When the vehicle will have left, seconds since 1970.
    pub departure_epoch_s: u32,
    /// The state.
    pub status: PrsStatus,
}

/// The table between priority server and coordinator (`prsServiceRequest`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceTable {
    /// The rows.
    pub rows: [ServiceRow; SERVICE_ROWS],
    /// Whoever wrote it is still at work on it.
    pub busy: bool,
}

impl ServiceTable {
    /// The octets.
    #[must_use]
    pub fn encode(&self) -> [u8; SERVICE_LEN] {
        let mut octets = [0; SERVICE_LEN];
        for (place, row) in octets.chunks_exact_mut(SERVICE_ROW_LEN).zip(&self.rows) {
            place[0] = row.strategy;
            place[1..5].copy_from_slice(&row.service_epoch_s.to_be_bytes());
            place[5..9].copy_from_slice(&row.departure_epoch_s.to_be_bytes());
            place[9] = row.status.code();
        }
        octets[SERVICE_ROWS * SERVICE_ROW_LEN] = self.busy.into();
        octets
    }

    /// From the octets; the nine reserved ones at the end may hold anything.
    ///
    /// # Errors
    /// They are of another length, or hold a status or a flag that the standard does not know.
    pub fn decode(octets: &[u8]) -> Result<Self, BlockError> {
        let octets = fixed::<SERVICE_LEN>(octets)?;
        let idle = ServiceRow {
            strategy: 0,
            service_epoch_s: 0,
            departure_epoch_s: 0,
            status: PrsStatus::IdleNotValid,
        };
        let mut table = Self { rows: [idle; SERVICE_ROWS], busy: false };
        for (row, place) in table.rows.iter_mut().zip(octets.chunks_exact(SERVICE_ROW_LEN)) {
            let long =
                |at: usize| u32::from_be_bytes([place[at], place[at + 1], place[at + 2], place[at + 3]]);
            *row = ServiceRow {
                strategy: place[0],
                service_epoch_s: long(1),
                departure_epoch_s: long(5),
                status: PrsStatus::from_code(place[9]).ok_or(BlockError::Status(place[9]))?,
            };
        }
        table.busy = match octets[SERVICE_ROWS * SERVICE_ROW_LEN] {
            0 => false,
            1 => true,
            other => return Err(BlockError::Flag(other)),
        };
        Ok(table)
    }
}

fn fixed<const N: usize>(octets: &[u8]) -> Result<[u8; N], BlockError> {
    octets.try_into().map_err(|_| BlockError::Length { found: octets.len(), expected: N })
}

#[cfg(test)]
mod tests;
