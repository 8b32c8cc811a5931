//! Engines go away and come back under a hub of six processes: what people see meanwhile, and that nothing is lost.

use client::{Error, EventsQuery, Hub as Client, Options, SearchQuery};
use platform::testing::{Engine, Link};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use wire::{
    ClientId, JobId, RoomId,
    accounts::Tokens,
    conversions::JobState,
    paths::{self, fill},
};

use crate::{
    command::{Person, finish},
    fleet::{Crowd, Fleet, Service, convert, email, eventually, states},
    hub::password,
    story_signup::PIXEL,
};

/// Events that a chat-worker has written.
const WRITTEN: &str = "mshub_events_persisted_total";

/// A hub with people in a room who talk all the time.
struct Story {
    fleet: Fleet,
    crowd: Crowd,
    room: RoomId,
    /// Ann, who tries each thing once.
    ann: Client,
    token: String,
    runtime: Handle,
    http: reqwest::Client,
}

#[test]
fn engines_go_away_and_come_back_and_nothing_is_lost() {
    let Some(fleet) = Fleet::start() else { return };
    let (room, people) = fleet.gather();
    let runtime = fleet.runtime.handle().clone();
    let _within = runtime.enter();
    let crowd = Crowd::of(people, room);
    crowd.goes_on(20);
    let ann = runtime.block_on(fleet.sign_in("Ann", once())).unwrap();
    let token = runtime.block_on(ann.access_token()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let story = Story { fleet, crowd, room, ann, token, runtime, http };

    story.without_redis();
    story.without_the_store();
    story.without_the_database();
    if story.fleet.can_lose_packets() {
        story.without_the_log();
        story.with_a_log_that_stands_still();
    }

    story.has_lost_nothing();
}

fn once() -> Options {
    Options { retries: 0, ..Options::default() }
}

impl Story {
    fn without_redis(&self) {
        self.fleet.part_from(Engine::Redis, Link::Cut);

        // deploy/README.md: rooms, search and conversions go on
        self.crowd.goes_on(30);
        eventually("something is found", || self.finds("word").ok().filter(|found| *found));
        // deploy/README.md: typing, presence, progress and ✓✓ are missing at most
        let job = self.now(convert(&self.ann)).unwrap();
        self.is_completed(job);

        self.fleet.part_from(Engine::Redis, Link::Open);
    }

    fn without_the_store(&self) {
        self.now(self.ann.set_photo(PIXEL.into())).unwrap();
        let done = self.now(convert(&self.ann)).unwrap();
        self.is_completed(done);
        self.fleet.part_from(Engine::S3, Link::Cut);

        // deploy/README.md: rooms go on
        self.crowd.goes_on(30);
        // deploy/README.md: uploads, downloads and photos fail and say so
        let (status, said) = self.upload();
        assert!(status.is_server_error(), "{status} {said}");
        is_no_fault_of_the_caller(self.now(convert(&self.ann)));
        is_no_fault_of_the_caller(self.now(self.fetched(done)));
        is_no_fault_of_the_caller(self.now(self.ann.my_photo()));

        self.fleet.part_from(Engine::S3, Link::Open);
        // deploy/README.md: uploads can be sent again with the same key, and downloads and photos are there
        let job = eventually("the upload is taken", || accepted(self.upload()));
        assert_eq!(accepted(self.upload()), Some(job), "once");
        self.is_completed(job);
        assert_eq!(self.now(self.fetched(done)).unwrap().trim_ascii(), b"A note");
        assert!(!self.now(self.ann.my_photo()).unwrap().bytes.is_empty());
    }

    fn without_the_database(&self) {
        let tokens = self.tokens();
        self.fleet.part_from(Engine::Postgres, Link::Cut);

        // deploy/README.md: who is in a room goes on talking
        self.crowd.goes_on(30);
        // deploy/README.md: no sign-in, no search, no conversions, no ✓✓
        is_no_fault_of_the_caller(self.now(self.fleet.sign_in("Ann", once())));
        is_no_fault_of_the_caller(self.finds("word"));
        is_no_fault_of_the_caller(self.now(convert(&self.ann)));
        let (status, said) = self.refresh(&tokens);
        assert!(status.is_server_error(), "{status} {said}");
        let written = self.written();
        self.crowd.goes_on(30);
        assert_eq!(self.written(), written, "nobody can write a history");

        self.fleet.part_from(Engine::Postgres, Link::Open);
        // deploy/README.md: chat-workers take in what the log has when it is back
        eventually("the history goes on", || (self.written() > written + 30).then_some(()));
        // deploy/README.md: nobody is signed out
        let renewed = eventually("a session goes on", || {
            let (status, said) = self.refresh(&tokens);
            assert!(status.is_success() || status.is_server_error(), "{status} {said}");
            status.is_success().then_some(said)
        });
        assert_eq!(renewed["user"]["name"], "Ann");
        eventually("people can sign in", || self.now(self.fleet.sign_in("Ann", once())).ok());
        let job = eventually("uploads are taken", || self.now(convert(&self.ann)).ok());
        self.is_completed(job);
        self.crowd.goes_on(10);
    }

    fn without_the_log(&self) {
        self.fleet.part_from(Engine::Kafka, Link::Cut);
        self.is_missed_by_whoever_needs_it();

        // deploy/README.md: rooms can be read and not written: messages wait at the client
        let say = json!({ "cid": ClientId::new(), "body": "said without a log" });
        let (status, said) = self.say(&say);
        assert!(status.is_server_error(), "{status} {said}");
        let all = EventsQuery { after: None, before: None, limit: Some(10) };
        let page = self.now(self.ann.events(&self.room.to_string(), all)).unwrap();
        assert_eq!(page.events.len(), 10);
        assert!(self.finds("word").unwrap());

        self.fleet.part_from(Engine::Kafka, Link::Open);
        self.is_back();
        // deploy/README.md: what is unknown is sent again under the same id, and counts once
        let pos = eventually("it is taken", || self.say(&say).1["pos"].as_u64());
        assert_eq!(self.say(&say).1["pos"].as_u64(), Some(pos));
        self.crowd.everybody_goes_on(10);
    }

    fn with_a_log_that_stands_still(&self) {
        // deploy/README.md: the same as without it
        self.fleet.part_from(Engine::Kafka, Link::Frozen);
        // deploy/README.md: gateways and chat-workers say that they are not ready
        self.is_missed_by_whoever_needs_it();

        self.fleet.part_from(Engine::Kafka, Link::Open);
        self.is_back();
        // deploy/README.md: it goes on where it was
        self.crowd.everybody_goes_on(10);
    }

    fn is_missed_by_whoever_needs_it(&self) {
        for service in self.fleet.gateways.iter().chain(&self.fleet.chat_workers) {
            eventually("the log is missed", || service.lacks().contains(&"log".to_owned()).then_some(()));
        }
        assert_eq!(self.fleet.convert_workers[0].lacks(), [""; 0], "it needs no log");
    }

    fn is_back(&self) {
        self.fleet.gateways.iter().chain(&self.fleet.chat_workers).for_each(Service::wait_until_ready);
    }

    /// Everybody heard everything that was said, once and in one order; and the database has it like that.
    fn has_lost_nothing(self) {
        let said = self.runtime.block_on(self.crowd.has_lost_nothing());
        let room = self.room.to_string();
        eventually("the history has everything", || {
            let head = self.runtime.block_on(self.ann.head(&room)).ok()?;
            (head.n >= said as u64).then_some(())
        });
        let somebody = Person::at(&self.fleet.url());
        let mut verify = somebody.command(&["room", "verify", &room, "--json"]);
        verify.env("MSHUB_TOKEN", &self.token);
        let verified = finish(verify, b"");
        assert_eq!(verified.code, 0, "{}", verified.stderr);
    }

    fn now<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    /// A request that is made once.
    fn ask(&self, request: reqwest::RequestBuilder) -> (StatusCode, Value) {
        self.now(async {
            let answer = request.bearer_auth(&self.token).send().await.unwrap();
            (answer.status(), answer.json().await.unwrap_or_default())
        })
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.fleet.url()))
    }

    fn say(&self, say: &Value) -> (StatusCode, Value) {
        self.ask(self.post(&fill(paths::ROOM_MESSAGES, self.room)).json(say))
    }

    /// The same upload with the same key, always.
    fn upload(&self) -> (StatusCode, Value) {
        let request = self.post(&format!("{}?to=txt&name=kept.md", paths::CONVERSIONS));
        self.ask(request.header("idempotency-key", "the only one").body("# Kept\n"))
    }

    /// A session of its own.
    fn tokens(&self) -> Tokens {
        let login = json!({ "email": email("Ann"), "password": password("Ann") });
        let (status, tokens) = self.ask(self.post(paths::LOGIN).json(&login));
        assert!(status.is_success(), "{status} {tokens}");
        serde_json::from_value(tokens).unwrap()
    }

    fn refresh(&self, tokens: &Tokens) -> (StatusCode, Value) {
        self.ask(self.post(paths::REFRESH).json(&json!({ "refresh_token": tokens.refresh_token })))
    }

    fn finds(&self, word: &str) -> Result<bool, Error> {
        let query = SearchQuery { text: word.to_owned(), ..SearchQuery::default() };
        Ok(!self.now(self.ann.search(&query))?.items.is_empty())
    }

    async fn fetched(&self, job: JobId) -> Result<Vec<u8>, Error> {
        let (link, mut bytes) = (self.ann.result_link(job).await?, Vec::new());
        self.ann.download(&link, &mut bytes, |_| {}).await?;
        Ok(bytes)
    }

    fn is_completed(&self, job: JobId) {
        eventually("the conversion is completed", || {
            let states = self.now(states(&self.ann, &[job])).ok()?;
            (states == [JobState::Completed]).then_some(())
        });
    }

    /// How many events the chat-workers have written.
    fn written(&self) -> u64 {
        self.fleet.chat_workers.iter().map(|worker| worker.counted(WRITTEN)).sum()
    }
}

/// The job of an upload that was taken.
fn accepted((status, job): (StatusCode, Value)) -> Option<JobId> {
    assert!(status.is_success() || status.is_server_error(), "{status} {job}");
    status.is_success().then(|| job["id"].as_str().unwrap().parse().unwrap())
}

/// A refusal does not say that something is wrong with what was asked for, or with who asked.
#[track_caller]
fn is_no_fault_of_the_caller<T>(refused: Result<T, Error>) {
    match refused.err().expect("it cannot be done") {
        Error::Problem(problem) => assert!(problem.status >= 500, "{problem:?}"),
        Error::Timeout | Error::Unreachable { .. } => {}
        wrong => panic!("{wrong:?}"),
    }
}
