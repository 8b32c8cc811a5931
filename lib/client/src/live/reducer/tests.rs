//! Whatever a link does to frames, the reducer comes to the history: once, in order.

use proptest::prelude::*;
use wire::{ClientId, MessageId, Timestamp, UserId, events::What};

use super::*;

const EPOCH: &str = "e1";

fn event(room: RoomId, pos: u64, prev: Option<u64>) -> RoomEvent {
    RoomEvent {
        id: MessageId::new(),
        room,
        pos,
        prev,
        ts: Timestamp::from_micros(pos as i64),
        by: UserId(uuid::Uuid::nil()),
        name: "Ann".into(),
        cid: ClientId::new(),
        what: What::said(pos.to_string()),
    }
}

/// A hub with one room and one socket, whose frames wait in `flight` until a test delivers, doubles or loses them.
struct Model {
    room: RoomId,
    reducer: Reducer,
    history: Vec<RoomEvent>,
    flight: Vec<ToClient>,
    subscribed: bool,
    next_id: u64,
    /// What the person sees: positions in the order they were shown.
    seen: Vec<u64>,
    /// Whether the hub names the position before an event, by position.
    knows_prev: fn(u64) -> bool,
}

impl Model {
    fn new(after: Option<Position>, knows_prev: fn(u64) -> bool) -> Self {
        let room = RoomId(uuid::Uuid::nil());
        let reducer = Reducer::new(room, after, 3);
        let (history, flight, seen) = (Vec::new(), Vec::new(), Vec::new());
        Self { room, reducer, history, flight, subscribed: false, next_id: 1, seen, knows_prev }
    }

    fn head(&self) -> u64 {
        self.history.last().map_or(0, |event| event.pos)
    }

    fn happen(&mut self, distance: u64) {
        let pos = self.head() + distance;
        let prev = (self.knows_prev)(pos).then(|| self.head());
        self.history.push(event(self.room, pos, prev));
        if self.subscribed {
            self.flight.push(ToClient::Ev(event(self.room, pos, prev)));
        }
    }

    fn subscribe(&mut self) {
        let id = self.next_id;
        self.next_id += 1;
        let ToServer::Sub { after, tail, .. } = self.reducer.ask(id) else { panic!("not a subscription") };
        let (mode, begin) = match after {
            Some(after) => (
                SubMode::Resume,
                self.history.iter().position(|e| e.pos > after.pos).unwrap_or(self.history.len()),
            ),
            None => (SubMode::Tail, self.history.len().saturating_sub(tail as usize)),
        };
        let room = self.room;
        self.flight.push(ToClient::Subbed {
            id,
            room,
            ep: EPOCH.into(),
            head: self.head(),
            mode,
            persisted: None,
        });
        for batch in self.history[begin..].chunks(2) {
            self.flight.push(ToClient::Evs { room, ev: batch.to_vec() });
        }
        self.flight.push(ToClient::Live { room, pos: self.head() });
        self.subscribed = true;
    }

    fn cut(&mut self) {
        self.flight.clear();
        self.reducer.disconnected();
        self.subscribe();
    }

    fn deliver(&mut self, at: usize) {
        if self.flight.is_empty() {
            return;
        }
        let frame = self.flight.remove(at % self.flight.len());
        for step in self.reducer.take(frame) {
            match step {
                Step::Show(event) => self.seen.push(event.pos),
                Step::Gap { from, to } => {
                    let between =
                        self.history.iter().map(|e| e.pos).filter(|pos| (from + 1..to).contains(pos));
                    self.seen.extend(between);
                }
                Step::Ask => self.subscribe(),
                Step::Live(_) => {}
                Step::Restarted => panic!("no log began anew"),
            }
        }
        assert!(self.seen.is_sorted_by(|a, b| a < b), "doubled or out of order: {:?}", self.seen);
    }

    fn settle(&mut self) {
        self.cut();
        for _ in 0..1_000 {
            if self.flight.is_empty() {
                return;
            }
            self.deliver(0);
        }
        panic!("the reducer asks for ever");
    }

    fn positions(&self) -> Vec<u64> {
        self.history.iter().map(|event| event.pos).collect()
    }
}

#[derive(Clone, Debug)]
enum Fate {
    Happen(u64),
    Deliver(usize),
    Double(usize),
    Lose(usize),
    Cut,
}

fn chaos() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        4 => (1..4u64).prop_map(Fate::Happen),
        6 => any::<usize>().prop_map(Fate::Deliver),
        2 => any::<usize>().prop_map(Fate::Double),
        2 => any::<usize>().prop_map(Fate::Lose),
        1 => Just(Fate::Cut),
    ];
    prop::collection::vec(fate, 0..120)
}

fn suffer(model: &mut Model, fates: Vec<Fate>) {
    model.subscribe();
    for fate in fates {
        let waiting = model.flight.len();
        match fate {
            Fate::Happen(distance) => model.happen(distance),
            Fate::Deliver(at) => model.deliver(at),
            Fate::Double(at) if waiting > 0 => model.flight.push(model.flight[at % waiting].clone()),
            Fate::Lose(at) if waiting > 0 => drop(model.flight.remove(at % waiting)),
            Fate::Double(_) | Fate::Lose(_) => {}
            Fate::Cut => model.cut(),
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_on_the_way_the_whole_history_is_shown_once_and_in_order(fates in chaos()) {
        let mut model = Model::new(Some(Position { ep: EPOCH.into(), pos: 0 }), |_| true);

        suffer(&mut model, fates);
        model.settle();

        prop_assert_eq!(&model.seen, &model.positions());
    }

    #[test]
    fn a_tail_has_no_holes_after_its_first_event(before in 0..9u64, fates in chaos()) {
        let mut model = Model::new(None, |_| true);
        (0..before).for_each(|_| model.happen(1));

        suffer(&mut model, fates);
        model.settle();

        prop_assert!(model.positions().ends_with(&model.seen), "{:?} of {:?}", model.seen, model.positions());
    }

    #[test]
    fn a_hub_that_often_does_not_know_what_was_before_is_asked_again(
        fates in prop::collection::vec(prop_oneof![
            3 => (1..4u64).prop_map(Fate::Happen),
            4 => Just(Fate::Deliver(0)),
            1 => Just(Fate::Cut),
        ], 0..120)
    ) {
        let mut model = Model::new(Some(Position { ep: EPOCH.into(), pos: 0 }), |pos| pos % 3 == 0);

        suffer(&mut model, fates);
        model.settle();

        prop_assert_eq!(&model.seen, &model.positions());
    }
}

fn subbed(reducer: &mut Reducer, id: u64, ep: &str, head: u64, mode: SubMode) -> Vec<Step> {
    reducer.ask(id);
    reducer.take(ToClient::Subbed { id, room: reducer.room, ep: ep.into(), head, mode, persisted: None })
}

#[test]
fn a_hole_is_asked_for_once_and_then_shown_as_a_gap() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, Some(Position { ep: EPOCH.into(), pos: 5 }), 0);
    subbed(&mut reducer, 1, EPOCH, 5, SubMode::Resume);
    let after_a_hole = || ToClient::Ev(event(room, 9, Some(7)));

    assert_eq!(reducer.take(after_a_hole()), [Step::Ask]);
    subbed(&mut reducer, 2, EPOCH, 9, SubMode::Resume);
    let steps = reducer.take(after_a_hole());

    assert_eq!(steps[0], Step::Gap { from: 5, to: 9 });
    assert!(matches!(&steps[1], Step::Show(event) if event.pos == 9));
}

#[test]
fn what_the_hub_leaves_out_is_a_gap_and_the_stream_goes_on_behind_it() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, Some(Position { ep: EPOCH.into(), pos: 5 }), 0);
    subbed(&mut reducer, 1, EPOCH, 900, SubMode::Resume);

    assert_eq!(reducer.take(ToClient::Gap { room, from: 5, to: 900 }), [Step::Gap { from: 5, to: 900 }]);
    let shown = reducer.take(ToClient::Ev(event(room, 900, Some(899))));
    let live = reducer.take(ToClient::Live { room, pos: 900 });

    assert!(matches!(&shown[..], [Step::Show(event)] if event.pos == 900));
    assert_eq!(live, [Step::Live(900)]);
}

#[test]
fn a_position_of_another_log_is_not_trusted() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, Some(Position { ep: EPOCH.into(), pos: 500 }), 0);

    let steps = subbed(&mut reducer, 1, "e2", 3, SubMode::Reset);
    let shown = reducer.take(ToClient::Ev(event(room, 2, Some(1))));

    assert_eq!(steps, [Step::Restarted]);
    assert!(matches!(&shown[..], [Step::Show(event)] if event.pos == 2));
}

#[test]
fn without_a_tail_only_what_is_new_is_shown() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, None, 0);
    subbed(&mut reducer, 1, EPOCH, 7, SubMode::Tail);

    assert_eq!(reducer.take(ToClient::Live { room, pos: 7 }), [Step::Live(7)]);
    assert!(matches!(&reducer.take(ToClient::Ev(event(room, 8, Some(7))))[..], [Step::Show(_)]));
}

#[test]
fn a_hub_that_does_not_know_where_a_room_ends_is_believed_how_far_it_looked() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, None, 0);
    subbed(&mut reducer, 1, EPOCH, 0, SubMode::Tail);

    assert_eq!(reducer.take(ToClient::Live { room, pos: 70 }), [Step::Live(70)]);
    let shown = reducer.take(ToClient::Ev(event(room, 80, Some(12))));

    assert!(matches!(&shown[..], [Step::Show(event)] if event.pos == 80), "{shown:?}");
}

#[test]
fn the_answer_to_an_older_subscription_does_not_count() {
    let room = RoomId::new();
    let mut reducer = Reducer::new(room, Some(Position { ep: EPOCH.into(), pos: 5 }), 0);
    reducer.ask(1);
    reducer.ask(2);

    reducer.take(ToClient::Subbed {
        id: 1,
        room,
        ep: EPOCH.into(),
        head: 9,
        mode: SubMode::Resume,
        persisted: None,
    });

    // Nobody knows what was before it, and no answer is being given that leaves nothing out.
    assert!(reducer.take(ToClient::Ev(event(room, 9, None))).is_empty());
}
