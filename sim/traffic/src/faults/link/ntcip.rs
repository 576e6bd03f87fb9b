//! The real NTCIP exchange over virtual datagrams: one request at a time, matched by its id (X9), lost
//! after the profile's time, never repeated by itself.

use std::collections::VecDeque;

use clearway_contract::{Answer, Ask, Site};
use clearway_field::faces::ntcip::objects::Reading;
use clearway_ntcip::frame::{PREEMPT_CALL, Value};
use clearway_ntcip::{Data, Exchange, Name, Profile, Request, Values};
use clearway_signals::{Channel, Millis, RowId};

use crate::faults::packet::{Packet, SnmpAnswer, SnmpAsk};
use crate::faults::wire::Wire;

#[derive(Debug)]
enum Awaited {
    Values(Vec<Name>),
    Written,
    /// The selector of a status buffer was written; the buffer is read next.
    Selected(Name),
    Buffer(Name),
}

#[derive(Debug)]
struct Work {
    ask: Ask,
    rest: VecDeque<Request>,
    values: Values,
    awaited: Option<(u32, Awaited, Millis)>,
}

/// One controller by NTCIP.
#[derive(Debug)]
pub(crate) struct NtcipLink {
    exchange: Exchange,
    answer_within: Millis,
    next_id: u32,
    work: Option<Work>,
}

impl NtcipLink {
    pub fn new(site: Site) -> Self {
        let profile = Profile::named("ntcip-1202-v03").unwrap_or(Profile::STANDARD);
        let answer_within = Millis(profile.answer_ms.into());
        Self { exchange: Exchange::new(site, profile), answer_within, next_id: 1, work: None }
    }

    pub fn begin(&mut self, ask: &Ask, wire: &mut Wire<'_>) -> Option<Answer> {
        self.exchange.set_wall(wire.wall_ms);
        let rest: VecDeque<Request> = self.exchange.requests(ask).into();
        match ask {
            Ask::Connect => return Some(Answer::Connected),
            Ask::Write(_) if rest.is_empty() => return Some(Answer::Refused("no such request".into())),
            _ => {}
        }
        self.work = Some(Work { ask: *ask, rest, values: Values::new(), awaited: None });
        self.proceed(wire)
    }

    /// The next message, or the answer when there is none.
    fn proceed(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        let work = self.work.as_mut()?;
        let Some(request) = work.rest.pop_front() else {
            let work = self.work.take()?;
            return Some(match work.ask {
                Ask::Write(_) => Answer::Written(wire.stamp_ns()),
                ask => self.exchange.answer(&ask, &work.values),
            });
        };
        match request {
            Request::Get(names) => {
                let ask = SnmpAsk::Get(names.clone());
                self.send(ask, Awaited::Values(names), None, false, wire);
            }
            Request::Set(bindings) => {
                let calls = self.called(&bindings);
                self.send(SnmpAsk::Set(bindings), Awaited::Written, calls, true, wire);
            }
            // A selector changes no signal: it is no write in the sense of the gate.
            Request::Select { control, selector, buffer } => {
                let ask = SnmpAsk::Set(vec![(control, Data::Octets(selector))]);
                self.send(ask, Awaited::Selected(buffer), None, false, wire);
            }
        }
        None
    }

    fn send(
        &mut self,
        ask: SnmpAsk,
        awaited: Awaited,
        calls: Option<RowId>,
        writes: bool,
        wire: &mut Wire<'_>,
    ) {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        if let Some(work) = &mut self.work {
            work.awaited = Some((id, awaited, wire.now + self.answer_within));
        }
        let packet = Packet::SnmpRequest { id, ask };
        if writes { wire.write(packet, calls) } else { wire.read(packet) }
    }

    /// The row that a SET calls.
    fn called(&self, bindings: &[(Name, Data)]) -> Option<RowId> {
        let site = self.exchange.site();
        let rows = (0..=u8::MAX).map(RowId).zip(&site.rows);
        rows.filter(|(_, row)| {
            bindings.iter().any(|(name, data)| match (row.channel, data) {
                (Channel::Preempt, Data::Integer(1)) => *name == PREEMPT_CALL.of(row.number),
                // Requests and updates are longer than selectors; the strategy stands in octet 20.
                (Channel::Priority, Data::Octets(block)) => block.len() > 21 && block[20] == row.number,
                _ => false,
            })
        })
        .map(|(id, _)| id)
        .next()
    }

    pub fn receive(&mut self, packet: Packet, wire: &mut Wire<'_>) -> Option<Answer> {
        let Packet::SnmpResponse { id, answer } = packet else { return None };
        let work = self.work.as_mut()?;
        let (_, awaited, _) = work.awaited.take_if(|(awaited, ..)| *awaited == id)?;
        match (awaited, answer) {
            (Awaited::Values(names), SnmpAnswer::Values(values)) if values.len() == names.len() => {
                for (name, value) in names.into_iter().zip(values) {
                    match value {
                        Some(value) => work.values.insert(name, decoded(value)),
                        None => self.exchange.mark_absent(name),
                    }
                }
                self.proceed(wire)
            }
            (Awaited::Written, SnmpAnswer::Done) => self.proceed(wire),
            (Awaited::Written, SnmpAnswer::Refused) => self.end(Answer::Refused("genErr".into())),
            (Awaited::Selected(buffer), SnmpAnswer::Done) => {
                self.send(SnmpAsk::Get(vec![buffer]), Awaited::Buffer(buffer), None, false, wire);
                None
            }
            (Awaited::Selected(buffer), SnmpAnswer::Refused) => {
                work.values.insert(buffer, Value::Other);
                self.proceed(wire)
            }
            (Awaited::Buffer(buffer), SnmpAnswer::Values(values)) => {
                let read = values.into_iter().next().flatten().map_or(Value::Other, decoded);
                work.values.insert(buffer, read);
                self.proceed(wire)
            }
            _ => self.end(Answer::Failed("an answer to another question".into())),
        }
    }

    fn end(&mut self, answer: Answer) -> Option<Answer> {
        self.work = None;
        Some(answer)
    }

    pub fn wake(&mut self, wire: &Wire<'_>) -> Option<Answer> {
        if self.deadline() <= wire.now { self.end(Answer::Failed("timeout".into())) } else { None }
    }

    pub fn deadline(&self) -> Millis {
        let awaited = self.work.as_ref().and_then(|work| work.awaited.as_ref());
        awaited.map_or(Millis::NEVER, |(.., until)| *until)
    }
}

fn decoded(reading: Reading) -> Value {
    match reading {
        Reading::Integer(value) => Value::Integer(value),
        Reading::Counter(value) | Reading::TimeTicks(value) => Value::Integer(value.into()),
        Reading::Octets(octets) => Value::Octets(octets),
        Reading::Name(_) => Value::Other,
    }
}
