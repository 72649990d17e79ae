//! Every cell of the table, and random sequences against a model that is written the other way round: by names.

use super::*;
use IsaState::{
    Acknowledged as C, LatchedAcknowledged as F, LatchedUnacknowledged as E, Normal as A,
    OutOfService as I, ReturnedUnacknowledged as D, Shelved as G, SuppressedByDesign as H,
    Unacknowledged as B,
};
use proptest::prelude::*;

const PLAIN: Manner = Manner { acknowledge: false, latch: false };
const ASKING: Manner = Manner { acknowledge: true, latch: false };
const LATCHING: Manner = Manner { acknowledge: true, latch: true };

/// An alarm in that state, whose condition holds if it can.
fn in_state(state: IsaState) -> Alarm {
    let way: &[Input] = match state {
        A => &[],
        B => &[Input::Activate],
        C => &[Input::Activate, Input::Acknowledge],
        D | E => &[Input::Activate, Input::Return],
        F => &[Input::Activate, Input::Return, Input::Acknowledge],
        G => &[Input::Activate, Input::Shelve],
        H => &[Input::Activate, Input::Suppress],
        I => &[Input::Activate, Input::Remove],
    };
    let manner = if matches!(state, E | F) { LATCHING } else { ASKING };
    let mut alarm = Alarm::default();
    for input in way {
        alarm.take(*input, manner).expect("the way there is open");
    }
    assert_eq!(alarm.state(), state);
    alarm
}

/// The table of ISA-18.2 as `ARCHITECTURE.md` prints it, with a manner that asks for a word: rows are states, columns
/// inputs in the order of [`Input::ALL`]; `None` is refused.
#[rustfmt::skip]
const TABLE: [(IsaState, [Option<IsaState>; 11]); 9] = [
    //   activate worsen   return   ack      reset    shelve   unshelve suppress unsuppr. remove   restore
    (A, [Some(B), Some(B), Some(A), None,    None,    Some(G), None,    Some(H), Some(A), Some(I), None]),
    (B, [Some(B), Some(B), Some(D), Some(C), None,    Some(G), None,    Some(H), Some(B), Some(I), None]),
    (C, [Some(C), Some(B), Some(A), None,    None,    Some(G), None,    Some(H), Some(C), Some(I), None]),
    (D, [Some(B), Some(B), Some(D), Some(A), None,    Some(G), None,    Some(H), Some(D), Some(I), None]),
    (E, [Some(B), Some(B), Some(E), Some(F), None,    Some(G), None,    Some(H), Some(E), Some(I), None]),
    (F, [Some(B), Some(B), Some(F), None,    Some(A), Some(G), None,    Some(H), Some(F), Some(I), None]),
    (G, [Some(G), Some(G), Some(G), None,    None,    Some(G), Some(B), Some(H), Some(G), Some(I), None]),
    (H, [Some(H), Some(H), Some(H), None,    None,    Some(H), None,    Some(H), Some(B), Some(I), None]),
    (I, [Some(I), Some(I), Some(I), None,    None,    None,    None,    Some(I), Some(I), None,    Some(B)]),
];

#[test]
fn every_cell_of_the_table() {
    for (state, row) in TABLE {
        for (input, expected) in Input::ALL.into_iter().zip(row) {
            let mut alarm = in_state(state);
            let before = alarm;
            match (alarm.take(input, ASKING), expected) {
                (Ok(()), Some(to)) => assert_eq!(alarm.state(), to, "{state:?} {input:?}"),
                (Err(_), None) => assert_eq!(alarm, before, "{state:?} {input:?}"),
                (got, expected) => panic!("{state:?} {input:?}: {got:?}, not {expected:?}"),
            }
        }
    }
}

#[test]
fn what_the_manner_changes() {
    let after = |state, manner| {
        let mut alarm = in_state(state);
        alarm.take(Input::Return, manner).expect("a return is never refused");
        alarm.state()
    };
    assert_eq!([after(B, PLAIN), after(B, ASKING), after(B, LATCHING)], [A, D, E]);
    assert_eq!([after(C, PLAIN), after(C, ASKING), after(C, LATCHING)], [A, A, F]);
    // Who does not ask for a word is not kept waiting for one by a latch that was taken away.
    let mut alarm = in_state(E);
    assert_eq!(alarm.take(Input::Reset, LATCHING), Err(Refusal::AcknowledgeFirst));
    alarm.take(Input::Acknowledge, PLAIN).unwrap();
    alarm.take(Input::Reset, PLAIN).unwrap();
    assert_eq!(alarm.state(), A);
}

#[test]
fn what_is_hidden_comes_back_as_it_is_then() {
    for (hide, show) in [
        (Input::Shelve, Input::Unshelve),
        (Input::Suppress, Input::Unsuppress),
        (Input::Remove, Input::Restore),
    ] {
        for (before, meanwhile, expected) in [
            (A, None, A),
            (A, Some(Input::Activate), B),
            (B, None, B),
            (C, None, B),
            (C, Some(Input::Return), A),
            (D, None, A),
            (E, None, A),
            (F, Some(Input::Activate), B),
        ] {
            let mut alarm = in_state(before);
            for input in [Some(hide), meanwhile, Some(show)].into_iter().flatten() {
                alarm.take(input, LATCHING).unwrap();
            }
            assert_eq!(alarm.state(), expected, "{before:?} {hide:?} {meanwhile:?}");
        }
    }
}

#[test]
fn ways_to_be_hidden_end_one_by_one() {
    let mut alarm = in_state(B);
    for (input, expected) in [
        (Input::Shelve, G),
        (Input::Suppress, H),
        (Input::Remove, I),
        (Input::Unsuppress, I),
        (Input::Restore, G),
        (Input::Unshelve, B),
    ] {
        alarm.take(input, PLAIN).unwrap();
        assert_eq!(alarm.state(), expected, "{input:?}");
    }
}

/// The same table by names: a state of A to F, and the three ways to be hidden beside it.
#[derive(Debug, Clone, Copy)]
struct Named {
    shown: IsaState,
    condition: bool,
    hidden: [bool; 3],
}

impl Named {
    fn state(self) -> IsaState {
        let [shelved, suppressed, out] = self.hidden;
        [(out, I), (suppressed, H), (shelved, G)]
            .into_iter()
            .find_map(|(is, state)| is.then_some(state))
            .unwrap_or(self.shown)
    }

    fn take(mut self, input: Input, manner: Manner) -> Option<Self> {
        let was_hidden = self.hidden.contains(&true);
        let shown = |to: IsaState| Some(to);
        let flag = |ix: usize, to: bool| {
            let mut next = self;
            next.hidden[ix] = to;
            let is_hidden = next.hidden.contains(&true);
            if was_hidden && !is_hidden {
                next.shown = if next.condition { B } else { A };
            }
            Some(next)
        };
        match input {
            Input::Activate | Input::Worsen => {
                if !was_hidden {
                    self.shown = match (self.shown, input) {
                        (C, Input::Activate) => C,
                        _ => B,
                    };
                }
                self.condition = true;
                Some(self)
            }
            Input::Return => {
                if !was_hidden {
                    self.shown = match self.shown {
                        B if manner.latch => E,
                        B if manner.acknowledge => D,
                        C if manner.latch => F,
                        B | C => A,
                        other => other,
                    };
                }
                self.condition = false;
                Some(self)
            }
            Input::Acknowledge if was_hidden => None,
            Input::Acknowledge => {
                let to = match self.shown {
                    B => shown(C),
                    D => shown(A),
                    E => shown(F),
                    _ => None,
                };
                to.map(|shown| Self { shown, ..self })
            }
            Input::Reset => (!was_hidden && self.shown == F).then_some(Self { shown: A, ..self }),
            Input::Shelve => (!self.hidden[2]).then(|| flag(0, true)).flatten(),
            Input::Unshelve => self.hidden[0].then(|| flag(0, false)).flatten(),
            Input::Suppress => flag(1, true),
            Input::Unsuppress => flag(1, false),
            Input::Remove => (!self.hidden[2]).then(|| flag(2, true)).flatten(),
            Input::Restore => self.hidden[2].then(|| flag(2, false)).flatten(),
        }
    }
}

proptest! {
    #[test]
    fn random_sequences_go_as_the_table_says(
        steps in prop::collection::vec((0..Input::ALL.len(), 0..3_usize), 0..60),
    ) {
        let mut alarm = Alarm::default();
        let mut named = Named { shown: A, condition: false, hidden: [false; 3] };
        for (input, manner) in steps {
            let (input, manner) = (Input::ALL[input], [PLAIN, ASKING, LATCHING][manner]);
            let taken = alarm.take(input, manner);
            let next = named.take(input, manner);
            prop_assert_eq!(taken.is_ok(), next.is_some(), "{:?} {:?}", named, input);
            named = next.unwrap_or(named);
            prop_assert_eq!(alarm.state(), named.state(), "{:?}", input);
            prop_assert_eq!(alarm.condition(), named.condition);
        }
    }
}
