//! Calls to the hub that are asked once and answer once.

use std::time::Duration;

use client::{Error, EventsQuery, JobsQuery};
use wire::{
    ClientId, Code,
    accounts::{KeptMail, Login, Me},
    messages::Act,
    rooms::EventPage,
};

use super::{World, files, live};
use crate::msg::{Answer, Effect, Failure, FailureKind, Msg};

/// How much history a question brings.
const PAGE: u32 = 100;
/// How many conversions the list begins with.
const JOBS: u32 = 50;
/// How long a mail that is on its way is waited for.
const MAIL_WAIT: Duration = Duration::from_secs(20);
/// A mail that was kept up to so many seconds ago is the one that was just asked for.
const MAIL_AGE: i64 = 15;

/// Runs an effect and sends its answer. The loop's own effects and those with a task of their own do not come here.
pub(super) async fn run(world: World, effect: Effect) {
    if let Some(msg) = answer(&world, effect).await {
        // The loop has ended when nobody takes it.
        let _ = world.out.send(msg).await;
    }
    if let Some(warning) = world.hub.take_warning() {
        let _ = world.out.send(Msg::Told(warning)).await;
    }
}

async fn answer(world: &World, effect: Effect) -> Option<Msg> {
    let hub = &world.hub;
    let msg = match effect {
        Effect::Recognise => Msg::Recognised(spoken(hub.me().await)),
        Effect::SignIn(email, password) => Msg::SignedIn(sign_in(world, email, password).await),
        Effect::SignUp(account) => Msg::SignedUp(spoken(hub.sign_up(&account).await)),
        Effect::FindMail { to, wait } => Msg::Mail(find_mail(world, &to, wait).await),
        Effect::Verify(token) => Msg::Verified(spoken(hub.verify(&token).await)),
        Effect::Resend(email) => Msg::Resent(spoken(hub.resend(&email).await)),
        Effect::SignOut => {
            // A hub that cannot be told has the session until it expires; here it is gone either way.
            let _ = hub.logout().await;
            Msg::SignedOut
        }
        Effect::LoadRooms => {
            let rooms = hub.rooms(false).await;
            if let Ok(rooms) = &rooms {
                live::remember(world, rooms).await;
            }
            Msg::Rooms(spoken(rooms))
        }
        Effect::LoadPublicRooms => Msg::PublicRooms(spoken(hub.rooms(true).await)),
        Effect::NewRoom(room) => Msg::RoomMade(spoken(hub.new_room(&room).await)),
        Effect::Join(room) => Msg::Joined(spoken(hub.join(&room.to_string()).await)),
        Effect::Leave(room) => Msg::LeftRoom(room, spoken(hub.leave(&room.to_string()).await)),
        Effect::Invite(room, user) => {
            let invited = hub.invite(&room.to_string(), &user).await;
            Msg::Invited(spoken(invited).map(|_| user))
        }
        Effect::LoadMembers(room) => Msg::Members(room, spoken(hub.members(&room.to_string()).await)),
        Effect::LoadOlder(room, before) => {
            let query = EventsQuery { before: Some(before), limit: Some(PAGE), ..EventsQuery::default() };
            Msg::Older(room, events(world, room, query).await)
        }
        Effect::LoadMissing { room, after, until } => {
            let query = EventsQuery { after: Some(after), limit: Some(PAGE), ..EventsQuery::default() };
            Msg::Missing(room, until, events(world, room, query).await)
        }
        Effect::LoadRows { room, after, until } => {
            let query = EventsQuery { after: Some(after), limit: Some(PAGE), ..EventsQuery::default() };
            Msg::Rows(room, until, spoken(world.hub.rows(&room.to_string(), query).await))
        }
        Effect::Attach { room, said, paths } => {
            let files = files::attach(world, &paths).await;
            Msg::Attached { room, said, files }
        }
        Effect::LookAt { room, text, typed } => {
            let files = files::named(world, &text).await;
            Msg::Named { room, text, typed, files }
        }
        Effect::Act(room, tgt, op) => {
            let act = Act { cid: ClientId::new(), tgt, op: op.clone() };
            let answer = spoken(hub.act(&room.to_string(), &act).await).map(drop);
            Msg::Acted { room, tgt, op, answer }
        }
        Effect::Fetch(files, path) => Msg::Fetched(files::fetch(world, files, path).await),
        Effect::Direct(user) => Msg::Joined(spoken(hub.direct(&user).await)),
        Effect::LoadJobs => {
            let query = JobsQuery { limit: Some(JOBS), ..JobsQuery::default() };
            Msg::Jobs(spoken(hub.jobs(query).await).map(|jobs| jobs.items))
        }
        Effect::CancelJob(job) => Msg::JobChanged(spoken(hub.cancel_job(job).await)),
        Effect::RetryJob(job) => Msg::JobChanged(spoken(hub.retry_job(job, None).await)),
        Effect::LoadFormats => Msg::Formats(spoken(hub.formats().await).map(|formats| formats.items)),
        Effect::Save(job, path) => Msg::Saved(job, files::save(world, job, path).await),
        Effect::CompletePath(typed) => {
            let found = files::complete(world, &typed).await;
            Msg::Paths { typed, found }
        }
        Effect::Quit
        | Effect::Suspend
        | Effect::Redraw
        | Effect::GoLive
        | Effect::Subscribe(_)
        | Effect::Unsubscribe(_)
        | Effect::Say { .. }
        | Effect::Withdraw(_)
        | Effect::Read(..)
        | Effect::Typing(..)
        | Effect::Upload { .. }
        | Effect::StopUpload(_) => return None,
    };
    Some(msg)
}

async fn sign_in(world: &World, email: String, password: String) -> Answer<Me> {
    let login = Login { email, password, device: world.device.clone() };
    spoken(world.hub.login(&login).await)
}

async fn events(world: &World, room: wire::RoomId, query: EventsQuery) -> Answer<EventPage> {
    spoken(world.hub.events(&room.to_string(), query).await)
}

async fn find_mail(world: &World, to: &str, wait: bool) -> Answer<Option<KeptMail>> {
    if wait {
        let since = (world.clock)().plus_seconds(-MAIL_AGE);
        match world.hub.wait_for_kept_mail(to, since, MAIL_WAIT).await {
            Ok(mail) => return Ok(Some(mail)),
            Err(Error::Pending { .. }) => {}
            Err(error) => return Err(failure(&error)),
        }
    }
    let mails = spoken(world.hub.kept_mail(to).await)?;
    Ok(mails.into_iter().find(|mail| mail.link.is_some() || mail.code.is_some()))
}

/// A result in words for a person.
pub(super) fn spoken<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|error| failure(&error))
}

fn failure(error: &Error) -> Failure {
    let Error::Problem(problem) = error else {
        let kind = match error {
            Error::Unreachable { .. } | Error::Timeout => FailureKind::Unreachable,
            Error::SignedOut => FailureKind::SignedOut,
            _ => FailureKind::Refused,
        };
        return Failure::new(kind, error.to_string());
    };
    let kind = match problem.known() {
        Some(Code::Unverified) => FailureKind::Unverified,
        Some(Code::Unauthenticated | Code::TokenExpired | Code::InvalidRefresh) => FailureKind::SignedOut,
        _ => FailureKind::Refused,
    };
    let fields = problem.errors.iter().map(|field| (field.pointer.clone(), field.detail.clone())).collect();
    Failure { kind, what: problem.detail.clone(), hint: problem.hint.clone(), fields }
}
