//! One connection to SUMO.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::codec::{Fault, MESSAGE_BYTES_MAX, Reader, Value, put_command, put_text, put_value};

/// SUMO answers within this time or is given up: a step of a large city takes seconds.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// The oldest API that is spoken.
const API_MIN: i32 = 20;

/// Commands.
const GET_VERSION: u8 = 0x00;
const STEP: u8 = 0x02;
const CLOSE: u8 = 0x7F;
/// A get's answer has the number of the get plus this.
const ANSWER: u8 = 0x10;

/// What is read: the domain of a get command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Domain {
    /// Traffic lights.
    Light = 0xa2,
    /// Lanes.
    Lane = 0xa3,
    /// Vehicles.
    Vehicle = 0xa4,
    /// Edges.
    Edge = 0xaa,
    /// The simulation.
    Simulation = 0xab,
}

/// Why SUMO could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum TraciError {
    /// The line broke.
    #[error("the connection to SUMO broke: {0}")]
    Io(#[from] std::io::Error),
    /// The answer cannot be read.
    #[error("SUMO's answer cannot be read: {0}")]
    Codec(#[from] Fault),
    /// SUMO refused.
    #[error("SUMO refused command {0:#04x}: {1}")]
    Refused(u8, String),
    /// An answer of another kind than asked for.
    #[error("SUMO answered something else than was asked")]
    Unexpected,
    /// Too old.
    #[error("this SUMO speaks TraCI {0}; {API_MIN} or later is needed")]
    TooOld(i32),
}

/// The client.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Connect to a SUMO that listens.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn connect(address: SocketAddr) -> Result<Self, TraciError> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let mut client = Self { stream, out: Vec::new(), answer: Vec::new() };
        let version = client.version()?;
        if version < API_MIN { Err(TraciError::TooOld(version)) } else { Ok(client) }
    }

    fn version(&mut self) -> Result<i32, TraciError> {
        let mut rest = self.exchange(GET_VERSION, &[])?;
        let (_, mut content) = rest.command()?;
        Ok(content.int()?)
    }

    /// One step.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn step(&mut self) -> Result<(), TraciError> {
        self.exchange(STEP, &0.0_f64.to_be_bytes()).map(|_| ())
    }

    /// Let SUMO end and write its outputs.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn close(mut self) -> Result<(), TraciError> {
        self.exchange(CLOSE, &[]).map(|_| ())
    }

    /// Read a variable.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn get(&mut self, domain: Domain, variable: u8, id: &str) -> Result<Value, TraciError> {
        let mut content = vec![variable];
        put_text(&mut content, id);
        let mut rest = self.exchange(domain as u8, &content)?;
        let (kind, mut answer) = rest.command()?;
        if kind != domain as u8 + ANSWER || answer.byte()? != variable || answer.text()? != id {
            return Err(TraciError::Unexpected);
        }
        Ok(answer.value()?)
    }

    /// A parameter of a vehicle; empty when it has none of that name.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn parameter(&mut self, vehicle: &str, variable: u8, name: &str) -> Result<String, TraciError> {
        let mut content = vec![variable];
        put_text(&mut content, vehicle);
        put_value(&mut content, &Value::Text(name.to_owned()));
        let mut rest = match self.exchange(Domain::Vehicle as u8, &content) {
            // A device that a vehicle does not have is no fault.
            Err(TraciError::Refused(..)) => return Ok(String::new()),
            other => other?,
        };
        let (_, mut answer) = rest.command()?;
        let (_, _) = (answer.byte()?, answer.text()?);
        match answer.value()? {
            Value::Text(text) => Ok(text),
            _ => Err(TraciError::Unexpected),
        }
    }

    /// Set a variable of a traffic light.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn set_light(&mut self, variable: u8, id: &str, value: &Value) -> Result<(), TraciError> {
        let mut content = vec![variable];
        put_text(&mut content, id);
        put_value(&mut content, value);
        self.exchange(0xc2, &content).map(|_| ())
    }

    /// A string.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn text(&mut self, domain: Domain, variable: u8, id: &str) -> Result<String, TraciError> {
        match self.get(domain, variable, id)? {
            Value::Text(text) => Ok(text),
            _ => Err(TraciError::Unexpected),
        }
    }

    /// A list of strings.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn texts(&mut self, domain: Domain, variable: u8, id: &str) -> Result<Vec<String>, TraciError> {
        match self.get(domain, variable, id)? {
            Value::Texts(texts) => Ok(texts),
            _ => Err(TraciError::Unexpected),
        }
    }

    /// A double.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn double(&mut self, domain: Domain, variable: u8, id: &str) -> Result<f64, TraciError> {
        match self.get(domain, variable, id)? {
            Value::Double(double) => Ok(double),
            _ => Err(TraciError::Unexpected),
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// [`TraciError`].
    pub fn int(&mut self, domain: Domain, variable: u8, id: &str) -> Result<i32, TraciError> {
        match self.get(domain, variable, id)? {
            Value::Int(int) => Ok(int),
            Value::Byte(byte) => Ok(i32::from(byte)),
            _ => Err(TraciError::Unexpected),
        }
    }

    /// Send one command, take the answer in, and check its status; what follows the status is left.
    fn exchange(&mut self, id: u8, content: &[u8]) -> Result<Reader<'_>, TraciError> {
        self.out.clear();
        self.out.extend_from_slice(&[0; 4]);
        put_command(&mut self.out, id, content);
        let length = u32::try_from(self.out.len()).map_err(|_| Fault::Length)?;
        self.out[..4].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&self.out)?;

        let mut head = [0; 4];
        self.stream.read_exact(&mut head)?;
        let length = usize::try_from(u32::from_be_bytes(head)).map_err(|_| Fault::Length)?;
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(Fault::Length.into());
        }
        self.answer.resize(length - 4, 0);
        self.stream.read_exact(&mut self.answer)?;
        let mut rest = Reader::new(&self.answer);
        let (of, mut status) = rest.command()?;
        let result = status.byte()?;
        if result != 0 {
            return Err(TraciError::Refused(of, status.text().unwrap_or_default()));
        }
        Ok(rest)
    }
}
