//! What comes out of the engine: commands, and notices for people.

use clearway_certify::{Command, Finding};
use clearway_network::LineId;
use clearway_signals::limits::COMMANDS_PER_EVENT_MAX;
use clearway_signals::{ControllerId, GroupId, Millis, MissionId, RequestId, RequestState, RowId, VehicleId};

use crate::detour::Action;
use crate::policy::RuleId;
use crate::turns::Precedence;

/// Why a request was released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The vehicle has passed.
    CheckedOut,
    /// No position for too long (S15).
    Silent,
    /// The mission ended.
    MissionOver,
    /// The vehicle left the route.
    LeftRoute,
    /// The longest hold is over.
    HoldOver,
    /// Another emergency vehicle goes first here.
    Yielded,
    /// The checker refused to go on with it.
    Refused,
    /// The controller has ended the request by its own word.
    Ended,
    /// An operator released everything, or the engine stops.
    Operator,
    /// The tram is on time again, stands at a stop, or has passed.
    NoLongerNeeded,
}

/// Something that a person may want to know.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Notice {
    /// A mission was taken up.
    MissionStarted(MissionId, VehicleId),
    /// A mission ended.
    MissionEnded(MissionId),
    /// A mission was refused: no place for more.
    MissionRefused(MissionId),
    /// A route was found: metres, controllers on it.
    Routed {
        /// The mission.
        mission: MissionId,
        /// Its length from here.
        length_m: u32,
        /// Controllers with a row for it.
        signals: u32,
    },
    /// No lawful way leads to the destination.
    NoRoute(MissionId),
    /// The vehicle left its route and a new one was sought.
    OffRoute(MissionId),
    /// A row was called.
    Called {
        /// On whose behalf.
        vehicle: VehicleId,
        /// Where.
        controller: ControllerId,
        /// Which row.
        row: RowId,
        /// The request.
        request: RequestId,
        /// The rule of the policy that allows it; `None`: no rule speaks of it.
        rule: Option<RuleId>,
    },
    /// A rule or a quota of the policy refuses a request.
    Denied {
        /// Whose.
        vehicle: VehicleId,
        /// Where.
        controller: ControllerId,
        /// The rule or quota.
        rule: RuleId,
    },
    /// A request is made later, because another vehicle goes first.
    PutOff {
        /// Whose.
        vehicle: VehicleId,
        /// Where.
        controller: ControllerId,
        /// Who goes first.
        first: VehicleId,
        /// Why.
        why: Precedence,
    },
    /// A request is made later, because somebody has been red for too long because of emergency vehicles
    /// (S12).
    Starving {
        /// Whose.
        vehicle: VehicleId,
        /// Where.
        controller: ControllerId,
        /// Who has its green first.
        group: GroupId,
    },
    /// A call was taken back.
    Released {
        /// On whose behalf.
        vehicle: VehicleId,
        /// Where.
        controller: ControllerId,
        /// The request.
        request: RequestId,
        /// Why.
        reason: Reason,
    },
    /// The controller's own status moved a request.
    Moved {
        /// Where.
        controller: ControllerId,
        /// The request.
        request: RequestId,
        /// Where it stands now.
        state: RequestState,
    },
    /// The checker refused a plan.
    Refused(VehicleId, Finding),
    /// Positions stopped coming.
    Silence(VehicleId),
    /// A tram or bus would ask for priority, and the binding has no channel for it.
    NoPriorityChannel(VehicleId, ControllerId),
    /// The controller was released after a preemption, and is expected back in step with its plan.
    Returning {
        /// Which.
        controller: ControllerId,
        /// From the release until it is in step.
        within: Millis,
    },
    /// The controller is back in step with its plan.
    Recovered(ControllerId),
    /// The trips of a line, or one vehicle of it, go another way around closed links.
    Diverted {
        /// The line.
        line: LineId,
        /// The one vehicle; `None`: every trip of the line.
        vehicle: Option<VehicleId>,
        /// What they do.
        action: Action,
        /// How much longer a passenger rides, or waits.
        extra: Millis,
        /// Stops that are left out.
        skipped: u16,
    },
    /// The trips of a line run as planned again.
    LineRestored(LineId),
}

/// Commands and notices of one event; cleared by the driver, never grown beyond its bounds.
#[derive(Debug)]
pub struct Output {
    commands: Vec<Command>,
    notices: Vec<Notice>,
    notices_dropped: u64,
}

const NOTICES_MAX: usize = 512;

impl Default for Output {
    fn default() -> Self {
        Self {
            commands: Vec::with_capacity(COMMANDS_PER_EVENT_MAX),
            notices: Vec::with_capacity(NOTICES_MAX),
            notices_dropped: 0,
        }
    }
}

impl Output {
    /// Forget the last event's output.
    pub fn clear(&mut self) {
        self.commands.clear();
        self.notices.clear();
    }

    /// The commands, in the order in which they are to be sent.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The notices.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Notices that found no place since the start.
    #[must_use]
    pub fn notices_dropped(&self) -> u64 {
        self.notices_dropped
    }

    /// Whether another command finds place. A command without place is made again at the next tick.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.commands.len() < COMMANDS_PER_EVENT_MAX
    }

    pub(crate) fn command(&mut self, command: Command) {
        if self.has_room() {
            self.commands.push(command);
        }
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_MAX {
            self.notices.push(notice);
        } else {
            self.notices_dropped += 1;
        }
    }
}
