//! Requests and answers as bytes (MODBUS Application Protocol 1.1b3, section 6): the server's half.

/// Bits of one read.
const READ_BITS_MAX: u16 = 2_000;
/// Registers of one read.
const READ_WORDS_MAX: u16 = 125;
/// Registers of one write.
const WRITE_WORDS_MAX: u16 = 123;

/// One of the four tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Table {
    /// Coils, function 1.
    Coils,
    /// Discrete inputs, function 2.
    Discretes,
    /// Holding registers, function 3.
    Holdings,
    /// Input registers, function 4.
    Inputs,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Read `count` points from `first` on.
    Read {
        /// The table.
        table: Table,
        /// The first address.
        first: u16,
        /// How many; within the protocol's limits.
        count: u16,
    },
    /// Write one coil.
    WriteCoil(u16, bool),
    /// Write one holding register.
    WriteRegister(u16, u16),
    /// Write holding registers from an address on.
    WriteRegisters(u16, Vec<u16>),
}

impl Request {
    /// Whether it changes something.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }
}

/// What a request is refused with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exception {
    /// The function is not served, or not to this client.
    Function = 1,
    /// A point does not exist.
    Address = 2,
    /// A count or value is out of range.
    Value = 3,
    /// There is no such unit behind this address.
    Target = 11,
}

/// The answer to a request that was served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Served {
    /// The values of a read; bits as 0 and 1.
    Values(Vec<u16>),
    /// The write was done.
    Written,
}

/// Read a request.
///
/// # Errors
/// The exception that answers it.
pub fn decode(pdu: &[u8]) -> Result<Request, Exception> {
    let &[function, ref data @ ..] = pdu else { return Err(Exception::Function) };
    match (function, data) {
        (1..=4, &[a, b, c, d]) => read(function, word(a, b), word(c, d)),
        (5, &[a, b, c, d]) => match word(c, d) {
            0 => Ok(Request::WriteCoil(word(a, b), false)),
            0xff00 => Ok(Request::WriteCoil(word(a, b), true)),
            _ => Err(Exception::Value),
        },
        (6, &[a, b, c, d]) => Ok(Request::WriteRegister(word(a, b), word(c, d))),
        (16, &[a, b, c, d, length, ref bytes @ ..]) => {
            let count = word(c, d);
            let whole = usize::from(length) == bytes.len() && bytes.len() == 2 * usize::from(count);
            if !(1..=WRITE_WORDS_MAX).contains(&count) || !whole {
                return Err(Exception::Value);
            }
            let words = bytes.chunks_exact(2).map(|pair| word(pair[0], pair[1])).collect();
            Ok(Request::WriteRegisters(word(a, b), words))
        }
        (1..=6 | 16, _) => Err(Exception::Value),
        _ => Err(Exception::Function),
    }
}

fn read(function: u8, first: u16, count: u16) -> Result<Request, Exception> {
    let (table, most) = match function {
        1 => (Table::Coils, READ_BITS_MAX),
        2 => (Table::Discretes, READ_BITS_MAX),
        3 => (Table::Holdings, READ_WORDS_MAX),
        _ => (Table::Inputs, READ_WORDS_MAX),
    };
    if !(1..=most).contains(&count) {
        return Err(Exception::Value);
    }
    Ok(Request::Read { table, first, count })
}

/// Write the answer to the request that `pdu` was.
pub fn encode(pdu: &[u8], answer: &Result<Served, Exception>) -> Vec<u8> {
    let function = pdu.first().copied().unwrap_or(0);
    match answer {
        Err(exception) => vec![function | 0x80, *exception as u8],
        // The answer to a write repeats where and what, or how many.
        Ok(Served::Written) => pdu.iter().take(5).copied().collect(),
        Ok(Served::Values(values)) if function <= 2 => {
            let bytes = values.chunks(8).map(|bits| {
                let set = bits.iter().zip(0..8).filter(|(bit, _)| **bit != 0);
                set.fold(0u8, |byte, (_, at)| byte | 1 << at)
            });
            counted(function, bytes.collect())
        }
        Ok(Served::Values(values)) => {
            counted(function, values.iter().flat_map(|value| value.to_be_bytes()).collect())
        }
    }
}

fn counted(function: u8, bytes: Vec<u8>) -> Vec<u8> {
    let count = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [vec![function, count], bytes].concat()
}

const fn word(high: u8, low: u8) -> u16 {
    (high as u16) << 8 | low as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standards_own_examples_are_read_and_answered() {
        // Section 6.1: coils 20 to 38; 6.5: coil 173 on; 6.12: two registers from 2 on.
        let read = [1, 0, 0x13, 0, 0x13];
        let expected = Request::Read { table: Table::Coils, first: 19, count: 19 };
        assert_eq!(decode(&read), Ok(expected));
        let bits = [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1];
        assert_eq!(encode(&read, &Ok(Served::Values(bits.to_vec()))), [1, 3, 0xcd, 0x6b, 0x05]);
        let coil = [5, 0, 0xac, 0xff, 0];
        assert_eq!(decode(&coil), Ok(Request::WriteCoil(172, true)));
        assert_eq!(encode(&coil, &Ok(Served::Written)), coil);
        let registers = [16, 0, 1, 0, 2, 4, 0, 0x0a, 1, 2];
        assert_eq!(decode(&registers), Ok(Request::WriteRegisters(1, vec![10, 0x0102])));
        assert_eq!(encode(&registers, &Ok(Served::Written)), [16, 0, 1, 0, 2]);
        assert_eq!(encode(&registers, &Err(Exception::Address)), [0x90, 2]);
    }

    #[test]
    fn counts_out_of_range_and_unknown_functions_are_refused() {
        for pdu in [&[4, 0, 0, 0, 0][..], &[4, 0, 0, 0, 126], &[1, 0, 0, 7, 0xd1], &[5, 0, 0, 0, 1]] {
            assert_eq!(decode(pdu), Err(Exception::Value), "{pdu:?}");
        }
        for pdu in [&[][..], &[0], &[7], &[15, 0, 0, 0, 1, 1, 1], &[23, 0], &[43, 14], &[0x84, 1]] {
            assert_eq!(decode(pdu), Err(Exception::Function), "{pdu:?}");
        }
        assert_eq!(decode(&[16, 0, 0, 0, 2, 4, 0, 1, 0]), Err(Exception::Value), "cut short");
        assert_eq!(decode(&[4, 0, 0]), Err(Exception::Value));
    }

    proptest! {
        #[test]
        fn x8_no_bytes_make_the_server_panic(pdu in proptest::collection::vec(any::<u8>(), 0..260)) {
            let answer = decode(&pdu).map(|_| Served::Written);
            prop_assert!(encode(&pdu, &answer).len() <= 5);
        }
    }
}
