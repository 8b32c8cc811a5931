//! `mshub room`: make, find, join and leave rooms, look after who is in them, and take what happened along.

mod export;
mod verify;

use clap::Subcommand;
use client::Hub;
use serde_json::json;
use wire::{
    UserId,
    frames::Presence,
    rooms::{EditRoom, MemberRole, NewRoom, Room},
};

use crate::{error::CliError, global::Global, several::Several, text::moment};

/// What can be done with rooms. A room is named by its name, with or without #, or by its id; a conversation by @NAME or
/// @ADDRESS of the other one. Of several rooms of one name the public one is meant, or the one you were in first.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  mshub room new general
  mshub room new release --private --topic 'what ships when'
  mshub room list --public
  mshub room invite release bob@example.org
  mshub room role release bob@example.org moderator
  mshub room dm bob@example.org && mshub chat send @bob@example.org 'hello'")]
pub enum RoomCommand {
    /// Make a room and join it
    New {
        /// Letters, digits, - _ and .
        name: String,
        /// Only members see it
        #[arg(long)]
        private: bool,
        /// What it is for
        #[arg(long, default_value = "")]
        topic: String,
        /// Make this person a member as well
        #[arg(long = "invite", value_name = "EMAIL|ID")]
        invites: Vec<String>,
    },
    /// List the rooms you are in
    #[command(alias = "ls")]
    List {
        /// List the public rooms that anybody may join
        #[arg(long)]
        public: bool,
    },
    /// Show a room
    Show {
        /// The room
        room: String,
    },
    /// Join a public room
    Join {
        /// The room
        room: String,
    },
    /// Leave a room
    Leave {
        /// The room
        room: String,
    },
    /// Make people members
    Invite {
        /// The room
        room: String,
        /// Addresses or ids
        #[arg(required = true, value_name = "EMAIL|ID")]
        users: Vec<String>,
    },
    /// List who is in a room, and who of them is here
    Members {
        /// The room
        room: String,
    },
    Verify(verify::VerifyArgs),
    Export(export::ExportArgs),
    /// Open the conversation with one person, to be named @NAME, @ADDRESS or by its id
    Dm {
        /// Address or id; the name, once there is a conversation
        #[arg(value_name = "EMAIL|ID|NAME")]
        user: String,
    },
    /// Make members leave, until a moderator or an owner invites them again
    Kick {
        /// The room
        room: String,
        /// Addresses, ids or names
        #[arg(required = true, value_name = "USER")]
        users: Vec<String>,
    },
    /// Change what a member may do: member, moderator or owner
    Role {
        /// The room
        room: String,
        /// Address, id or name
        user: String,
        /// What they may do from now on
        #[arg(value_parser = role)]
        role: MemberRole,
    },
    /// Say what a room is for
    Topic {
        /// The room
        room: String,
        /// The topic, several words with a space between them; '' takes it away
        #[arg(required = true, value_name = "TOPIC")]
        topic: Vec<String>,
    },
    /// Give a room another name
    Rename {
        /// The room
        room: String,
        /// The name
        name: String,
    },
    /// Delete a room for everybody, with its history
    #[command(alias = "delete")]
    Rm {
        /// The room
        room: String,
        /// Its name once more, because this cannot be taken back
        #[arg(long, value_name = "NAME")]
        confirm: String,
    },
}

fn role(text: &str) -> Result<MemberRole, String> {
    MemberRole::from_name(text).ok_or_else(|| "it is one of member, moderator, owner".to_owned())
}

/// Does it.
pub async fn run(command: RoomCommand, global: &Global) -> Result<(), CliError> {
    match command {
        RoomCommand::New { name, private, topic, invites } => {
            make(global, NewRoom { name, private, topic }, &invites).await
        }
        RoomCommand::List { public } => list(global, public).await,
        RoomCommand::Show { room } => show(global, &global.hub()?.room(&room).await?),
        RoomCommand::Join { room } => {
            let hub = global.hub()?;
            let room = hub.join(&room).await?;
            if !room.private {
                remember(global, &hub, std::slice::from_ref(&room)).await;
            }
            global.out.result(&room, room.id, || format!("you are in #{} now", room.name))
        }
        RoomCommand::Leave { room } => {
            global.hub()?.leave(&room).await?;
            global
                .out
                .result(&json!({"room": room, "joined": false}), &room, || format!("you have left {room}"))
        }
        RoomCommand::Invite { room, users } => invite(global, &room, &users).await,
        RoomCommand::Members { room } => members(global, &room).await,
        RoomCommand::Verify(args) => verify::run(args, global).await,
        RoomCommand::Export(args) => export::run(args, global).await,
        RoomCommand::Dm { user } => talk_to(global, &user).await,
        RoomCommand::Kick { room, users } => kick(global, &room, &users).await,
        RoomCommand::Role { room, user, role } => {
            let member = global.hub()?.set_role(&room, &user, role).await?;
            global
                .out
                .result(&member, member.id, || format!("{} is {} in {room} now", member.name, role.name()))
        }
        RoomCommand::Topic { room, topic } => {
            edit(global, &room, EditRoom { topic: Some(topic.join(" ")), name: None }).await
        }
        RoomCommand::Rename { room, name } => {
            edit(global, &room, EditRoom { name: Some(name), topic: None }).await
        }
        RoomCommand::Rm { room, confirm } => remove(global, &room, &confirm).await,
    }
}

async fn make(global: &Global, room: NewRoom, invites: &[String]) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.new_room(&room).await?;
    let named = match hub.room(&room.name).await? {
        // A room of that name that one was in before goes on having the name.
        other if other.id != room.id => room.id.to_string(),
        found => {
            remember(global, &hub, std::slice::from_ref(&found)).await;
            room.name.clone()
        }
    };
    let mut several = Several::default();
    for user in invites {
        several.take(user, hub.invite(&room.id.to_string(), user).await.map_err(CliError::from))?;
    }
    global.out.result(&room, room.id, || {
        let kind = if room.private { "private" } else { "public" };
        format!("#{} is there ({kind}); say something: mshub chat send {named} 'hello'", room.name)
    })?;
    several.end()
}

/// Opens the conversation with somebody; a name is that of one which is there.
async fn talk_to(global: &Global, user: &str) -> Result<(), CliError> {
    let hub = global.hub()?;
    let name = user.trim_start_matches('@');
    let is_name = !name.contains('@') && name.parse::<UserId>().is_err();
    let room = if is_name { hub.room(&format!("@{name}")).await? } else { hub.direct(name).await? };
    remember(global, &hub, std::slice::from_ref(&room)).await;
    global.out.result(&room, room.id, || {
        format!("with {}; say something: mshub chat send {} 'hello'", room.name, room.id)
    })
}

/// Keeps names of rooms for the time when no hub answers. Where nothing can be written, the command goes on without.
async fn remember(global: &Global, hub: &Hub, rooms: &[Room]) {
    if let Ok(dir) = global.outboxes_dir()
        && let Ok(outbox) = hub.outbox(&dir).await
    {
        let _ = outbox.remember(rooms).await;
    }
}

async fn kick(global: &Global, room: &str, users: &[String]) -> Result<(), CliError> {
    let (hub, mut several) = (global.hub()?, Several::default());
    for user in users {
        let kicked = hub.kick(room, user).await.map_err(CliError::from).and_then(|()| {
            global.out.result(&json!({"room": room, "user": user}), user, || {
                format!("{user} is not in {room} any more, and comes back only when a moderator or an owner invites them")
            })
        });
        several.take(user, kicked)?;
    }
    several.end()
}

async fn edit(global: &Global, room: &str, edit: EditRoom) -> Result<(), CliError> {
    let room = global.hub()?.edit_room(room, &edit).await?;
    global.out.result(&room, room.id, || format!("#{}  {}", room.name, room.topic))
}

async fn remove(global: &Global, room: &str, confirm: &str) -> Result<(), CliError> {
    let hub = global.hub()?;
    let found = hub.room(room).await?;
    if confirm.trim_start_matches('#') != found.name {
        return Err(CliError::usage(format!("--confirm has to be the room's name: {}", found.name)));
    }
    hub.delete_room(&found.id.to_string()).await?;
    let gone = json!({"id": found.id, "name": found.name, "deleted": true});
    global.out.result(&gone, found.id, || format!("#{} is deleted", found.name))
}

async fn list(global: &Global, public: bool) -> Result<(), CliError> {
    let hub = global.hub()?;
    let rooms = hub.rooms(public).await?;
    remember(global, &hub, &rooms).await;
    // An id is shown where the name is not enough.
    let id = |room: &Room| match rooms.iter().filter(|other| called(other) == called(room)).count() {
        1 => String::new(),
        _ => room.id.to_string(),
    };
    global.out.list(
        &rooms,
        &["ROOM", "MEMBERS", "UNREAD", "", "TOPIC", "ID"],
        |room| room.id.to_string(),
        |room| {
            let (members, topic) = (room.members.to_string(), room.topic.clone());
            vec![called(room), members, unread(room), about(room), topic, id(room)]
        },
    )
}

/// `#NAME`, or `@NAME` for a conversation.
pub(super) fn called(room: &Room) -> String {
    format!("{}{}", if room.direct { '@' } else { '#' }, room.name)
}

/// How much is unread, and behind it how often one is named there; nothing when everything is read.
fn unread(room: &Room) -> String {
    match (room.unread, room.mentions) {
        (None | Some(0), _) => String::new(),
        (Some(unread), None | Some(0)) => unread.to_string(),
        (Some(unread), Some(mentions)) => format!("{unread} @{mentions}"),
    }
}

fn about(room: &Room) -> String {
    let private = (room.private && !room.direct).then_some("private");
    let joined = (!room.joined).then_some("not joined");
    private.into_iter().chain(joined).collect::<Vec<_>>().join(", ")
}

fn show(global: &Global, room: &Room) -> Result<(), CliError> {
    global.out.result(room, room.id, || {
        let (kind, joined) = (
            if room.private { "private" } else { "public" },
            if room.joined { "you are in it" } else { "not joined" },
        );
        format!(
            "{}\nid       {}\ntopic    {}\nmembers  {}\n{kind}, {joined}, since {}",
            called(room),
            room.id,
            room.topic,
            room.members,
            moment(room.created_at)
        )
    })
}

async fn invite(global: &Global, room: &str, users: &[String]) -> Result<(), CliError> {
    let (hub, mut several) = (global.hub()?, Several::default());
    for user in users {
        let invited = hub.invite(room, user).await.map_err(CliError::from).and_then(|()| {
            let said = || format!("{user} is in {room} now, if there is such an account");
            global.out.result(&json!({"room": room, "user": user}), user, said)
        });
        several.take(user, invited)?;
    }
    several.end()
}

async fn members(global: &Global, room: &str) -> Result<(), CliError> {
    let members = global.hub()?.members(room).await?;
    global.out.list(
        &members,
        &["NAME", "HERE", "ROLE", "SINCE", "ID"],
        |member| member.id.to_string(),
        |member| {
            let here = member.presence.map_or("", Presence::name).to_owned();
            let role = member.role.name().to_owned();
            vec![member.name.clone(), here, role, moment(member.joined_at), member.id.to_string()]
        },
    )
}
