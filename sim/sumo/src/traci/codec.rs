//! TraCI on the wire: big-endian, every message with its length, every command with its own.

/// A message longer than this is refused: 64 MiB.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Strings of one list, fields of one compound.
const ITEMS_MAX: usize = 1 << 20;
/// Compounds in compounds; SUMO nests four deep.
const DEPTH_MAX: usize = 8;

/// What cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The message ends within a value.
    #[error("the message ends within a value")]
    Short,
    /// A type that TraCI does not have, or that is not expected here.
    #[error("unknown type {0:#04x}")]
    Type(u8),
    /// A length that cannot be.
    #[error("a length that cannot be")]
    Length,
    /// Nested too deeply.
    #[error("compounds nested too deeply")]
    Depth,
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// 0x07, 0x08: a byte.
    Byte(u8),
    /// 0x09: an integer.
    Int(i32),
    /// 0x0B: a double.
    Double(f64),
    /// 0x0C: a string.
    Text(String),
    /// 0x0E: a list of strings.
    Texts(Vec<String>),
    /// 0x0F: a compound.
    Compound(Vec<Value>),
}

/// Reads from the front of a message.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Fault::Short`].
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Fault::Short)?;
        self.rest = tail;
        Ok(head)
    }

    /// A byte.
    ///
    /// # Errors
    /// [`Fault::Short`].
    pub fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    /// An integer.
    ///
    /// # Errors
    /// [`Fault::Short`].
    pub fn int(&mut self) -> Result<i32, Fault> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(i32::from_be_bytes(bytes))
    }

    /// A double.
    ///
    /// # Errors
    /// [`Fault::Short`].
    pub fn double(&mut self) -> Result<f64, Fault> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(f64::from_be_bytes(bytes))
    }

    fn count(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.int()?).ok().filter(|n| *n <= ITEMS_MAX).ok_or(Fault::Length)
    }

    /// A string; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn text(&mut self) -> Result<String, Fault> {
        let n = usize::try_from(self.int()?).map_err(|_| Fault::Length)?;
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }

    /// A value after its type.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn value(&mut self) -> Result<Value, Fault> {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::Depth);
        }
        Ok(match self.byte()? {
            0x07 | 0x08 => Value::Byte(self.byte()?),
            0x09 => Value::Int(self.int()?),
            0x0B => Value::Double(self.double()?),
            0x0C => Value::Text(self.text()?),
            0x0E => {
                let n = self.count()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    list.push(self.text()?);
                }
                Value::Texts(list)
            }
            0x0F => {
                let n = self.count()?;
                let mut list = Vec::new();
                for _ in 0..n {
                    list.push(self.value_at(depth + 1)?);
                }
                Value::Compound(list)
            }
            other => return Err(Fault::Type(other)),
        })
    }

    /// The next command: its number and its content.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn command(&mut self) -> Result<(u8, Reader<'a>), Fault> {
        let length = match self.byte()? {
            0 => usize::try_from(self.int()?).ok().and_then(|n| n.checked_sub(5)).ok_or(Fault::Length)?,
            short => usize::from(short).checked_sub(1).ok_or(Fault::Length)?,
        };
        let mut content = Reader::new(self.take(length)?);
        let id = content.byte()?;
        Ok((id, content))
    }
}

/// Append a command.
pub fn put_command(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    // The long form always: no length is too long for it.
    out.push(0);
    put_int(out, i32::try_from(content.len() + 6).unwrap_or(i32::MAX));
    out.push(id);
    out.extend_from_slice(content);
}

/// Append an integer.
pub fn put_int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Append a string.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_int(out, i32::try_from(text.len()).unwrap_or(i32::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// Append a value with its type.
pub fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Byte(byte) => out.extend_from_slice(&[0x07, *byte]),
        Value::Int(int) => {
            out.push(0x09);
            put_int(out, *int);
        }
        Value::Double(double) => {
            out.push(0x0B);
            out.extend_from_slice(&double.to_be_bytes());
        }
        Value::Text(text) => {
            out.push(0x0C);
            put_text(out, text);
        }
        Value::Texts(list) => {
            out.push(0x0E);
            put_int(out, i32::try_from(list.len()).unwrap_or(i32::MAX));
            list.iter().for_each(|text| put_text(out, text));
        }
        Value::Compound(list) => {
            out.push(0x0F);
            put_int(out, i32::try_from(list.len()).unwrap_or(i32::MAX));
            list.iter().for_each(|item| put_value(out, item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u8>().prop_map(Value::Byte),
            any::<i32>().prop_map(Value::Int),
            (-1e12..1e12).prop_map(Value::Double),
            ".{0,12}".prop_map(Value::Text),
            prop::collection::vec(".{0,6}", 0..4).prop_map(Value::Texts),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Value::Compound))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            let mut bytes = Vec::new();
            put_value(&mut bytes, &value);
            let mut command = Vec::new();
            put_command(&mut command, 0xa2, &bytes);
            let (id, mut content) = Reader::new(&command).command().unwrap();
            prop_assert_eq!((id, content.value().unwrap()), (0xa2, value));
            prop_assert!(content.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::new(&bytes).value();
            let _ = Reader::new(&bytes).command();
        }
    }

    #[test]
    fn a_short_and_a_long_length_mean_the_same() {
        let mut long = Vec::new();
        put_command(&mut long, 0x02, &[1, 2, 3]);
        let short = [5, 0x02, 1, 2, 3];
        for bytes in [&long[..], &short] {
            let (id, mut content) = Reader::new(bytes).command().unwrap();
            assert_eq!((id, content.take(3).unwrap(), content.is_empty()), (0x02, &[1, 2, 3][..], true));
        }
    }
}
