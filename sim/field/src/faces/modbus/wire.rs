//! Serial frames with their CRC on a stream: a serial line, or TCP.
//!
//! A connection that says nothing for a minute is closed, so that half-open ones do not hold their
//! place for ever.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// A connection without a request for this long is closed.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);
/// An answer that the peer does not take for this long ends the connection.
pub(super) const WRITE_MAX: Duration = Duration::from_secs(5);
/// Silence that ends a serial frame whose length its function does not tell. Longer than the
/// standard's 3.5 characters, because streams and pseudo-terminals deliver in pieces.
const FRAME_GAP: Duration = Duration::from_millis(20);
/// The longest serial frame.
const SERIAL_MAX: usize = 256;
/// Unit, function and CRC.
const SERIAL_MIN: usize = 4;

/// Who answers requests.
pub(super) trait Answer {
    /// The answer to one request of a unit; `None`: silence.
    fn answer(&self, unit: u8, pdu: &[u8]) -> Option<Vec<u8>>;
}

/// Answer every request of a line until it ends.
///
/// # Errors
/// How the connection ended, when it was not closed by the peer between two requests.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    device: &impl Answer,
) -> io::Result<()> {
    let mut held: Vec<u8> = Vec::with_capacity(SERIAL_MAX);
    let mut piece = [0; SERIAL_MAX];
    loop {
        let limit = if held.is_empty() { SILENCE_MAX } else { FRAME_GAP };
        match timeout(limit, stream.read(&mut piece)).await {
            Err(elapsed) if held.is_empty() => return Err(elapsed.into()),
            // A gap ends whatever came: a frame of a function without known length, or noise.
            Err(_) => {
                let frame = std::mem::take(&mut held);
                answer(&mut stream, device, &frame).await?;
            }
            Ok(read) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                held.extend(piece.iter().take(read));
                while let Some(length) = serial_length(&held).filter(|length| *length <= held.len()) {
                    let frame: Vec<u8> = held.drain(..length).collect();
                    answer(&mut stream, device, &frame).await?;
                }
                if held.len() > SERIAL_MAX {
                    held.clear();
                }
            }
        }
    }
}

/// Answer one serial frame; one that is damaged is not answered (MODBUS over Serial Line 2.4.1).
async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, device: &impl Answer, frame: &[u8]) -> io::Result<()> {
    let Some((body, sum)) = frame.split_last_chunk::<2>() else { return Ok(()) };
    let &[unit, ref pdu @ ..] = body else { return Ok(()) };
    if frame.len() < SERIAL_MIN || crc16(body) != u16::from_le_bytes(*sum) {
        return Ok(());
    }
    let Some(answer) = device.answer(unit, pdu) else { return Ok(()) };
    let mut whole = [&[unit][..], &answer].concat();
    whole.extend(crc16(&whole).to_le_bytes());
    send(stream, &whole).await
}

/// The length of a request, where its function tells it.
fn serial_length(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        1..=6 => Some(8),
        15 | 16 => Some(usize::from(*bytes.get(6)?) + 9),
        _ => None,
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    timeout(WRITE_MAX, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    })
    .await?
}

/// CRC-16 of Modbus: reflected polynomial 0xA001, start 0xFFFF; on a serial line the low byte
/// travels first.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 };
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// Answers unit 1 with what it was asked.
    struct Echo;

    impl Answer for Echo {
        fn answer(&self, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
            (unit == 1).then(|| pdu.to_vec())
        }
    }

    fn serial(body: &[u8]) -> Vec<u8> {
        [body, &crc16(body).to_le_bytes()].concat()
    }

    #[tokio::test(start_paused = true)]
    async fn serial_frames_are_found_in_pieces_and_between_noise() {
        let (mut near, far) = duplex(1024);
        let serving = tokio::spawn(async move { serve(far, &Echo).await });
        let ask = serial(&[1, 4, 0, 0, 0, 2]);
        let mut answer = vec![0; ask.len()];
        for piece in ask.chunks(3) {
            near.write_all(piece).await.unwrap();
        }
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ask);
        // Noise, a damaged frame, and one for another unit are followed by silence.
        let damaged = [&ask[..7], &[0]].concat();
        for noise in [&[0x55, 0xaa, 3][..], &damaged, &serial(&[9, 4, 0, 0, 0, 2])] {
            near.write_all(noise).await.unwrap();
            tokio::time::sleep(FRAME_GAP * 3).await;
        }
        near.write_all(&ask).await.unwrap();
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ask);
        // A function whose length nobody knows ends with silence.
        let unknown = serial(&[1, 0x2b, 14, 1, 0]);
        near.write_all(&unknown).await.unwrap();
        let mut said = vec![0; unknown.len()];
        near.read_exact(&mut said).await.unwrap();
        assert_eq!(said, unknown);
        drop(near);
        assert!(serving.await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let (near, far) = duplex(64);
        let ended = serve(far, &Echo).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(near);
    }
}
