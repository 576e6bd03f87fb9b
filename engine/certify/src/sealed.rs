//! That only the checker makes a certified plan, and only a certified plan a command. Each example here
//! must not compile, for the one reason that it names; the first does, and shows that nothing else in
//! them is wrong.
//!
//! The way that there is: a draft, the checker, a command.
//!
//! ```
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! # let asks = [Ask::default(); limits::ROUTE_SIGNALS_MAX];
//! let draft = Draft { class: Class::Emergency, asks: &asks[..0] };
//! let plan: CertifiedPlan = certify(&draft, Epoch(1), |_| None, |_| None).unwrap();
//! let command: Option<Command> = plan.assert(0, 1, Millis(0), Millis(1_000));
//! assert_eq!((plan.class(), command), (Class::Emergency, None));
//! ```
//!
//! A certified plan has no public field, so nobody writes one down:
//!
//! ```compile_fail,E0451
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! # let asks = [Ask::default(); limits::ROUTE_SIGNALS_MAX];
//! let plan = CertifiedPlan { class: Class::Emergency, epoch: Epoch(1), asks, len: 0 };
//! ```
//!
//! Nor changes one:
//!
//! ```compile_fail,E0616
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! fn later(plan: &mut CertifiedPlan) {
//!     plan.asks[0].release_at = Millis::NEVER;
//! }
//! ```
//!
//! Nor takes the checker's own maker:
//!
//! ```compile_fail,E0624
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! let plan = CertifiedPlan::of(&Draft { class: Class::Emergency, asks: &[] }, Epoch(1));
//! ```
//!
//! The same for a command, whole,
//!
//! ```compile_fail,E0451
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! let command = Command {
//!     controller: ControllerId(1),
//!     row: RowId(1),
//!     request: RequestId(1),
//!     revision: 1,
//!     epoch: Epoch(1),
//!     action: Action::Assert { arrival: Millis(0) },
//!     expires: Millis::NEVER,
//! };
//! ```
//!
//! made from another,
//!
//! ```compile_fail,E0451
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! fn longer(command: Command) -> Command {
//!     Command { expires: Millis::NEVER, ..command }
//! }
//! ```
//!
//! or changed:
//!
//! ```compile_fail,E0616
//! # use clearway_certify::*;
//! # use clearway_signals::*;
//! fn other_row(command: &mut Command) {
//!     command.row = RowId(0);
//! }
//! ```
//!
//! And there is none to begin with:
//!
//! ```compile_fail,E0277
//! # use clearway_certify::*;
//! fn any<T: Default>() -> T { T::default() }
//! let command: Command = any();
//! ```
//!
//! ```compile_fail,E0277
//! # use clearway_certify::*;
//! fn any<T: Default>() -> T { T::default() }
//! let plan: CertifiedPlan = any();
//! ```
