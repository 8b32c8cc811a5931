//! `mshub room`: make, find, join and leave rooms, and take what happened in them along.

mod export;
mod verify;

use clap::Subcommand;
use serde_json::json;
use wire::rooms::{NewRoom, Room};

use crate::{error::CliError, global::Global, text::moment};

/// What can be done with rooms. A room is named by its name, with or without #, or by its id.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  mshub room new general
  mshub room new release --private --topic 'what ships when'
  mshub room list --public
  mshub room invite release bob@example.org")]
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
    /// List who is in a room
    Members {
        /// The room
        room: String,
    },
    Verify(verify::VerifyArgs),
    Export(export::ExportArgs),
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
            let room = global.hub()?.join(&room).await?;
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
    }
}

async fn make(global: &Global, room: NewRoom, invites: &[String]) -> Result<(), CliError> {
    let hub = global.hub()?;
    let room = hub.new_room(&room).await?;
    for user in invites {
        hub.invite(&room.id.to_string(), user).await?;
    }
    global.out.result(&room, room.id, || {
        let kind = if room.private { "private" } else { "public" };
        format!("#{} is there ({kind}); say something: mshub chat send {} 'hello'", room.name, room.name)
    })
}

async fn list(global: &Global, public: bool) -> Result<(), CliError> {
    let rooms = global.hub()?.rooms(public).await?;
    global.out.list(
        &rooms,
        &["ROOM", "MEMBERS", "", "TOPIC"],
        |room| room.id.to_string(),
        |room| vec![format!("#{}", room.name), room.members.to_string(), about(room), room.topic.clone()],
    )
}

fn about(room: &Room) -> String {
    let private = room.private.then_some("private");
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
            "#{}\nid       {}\ntopic    {}\nmembers  {}\n{kind}, {joined}, since {}",
            room.name,
            room.id,
            room.topic,
            room.members,
            moment(room.created_at)
        )
    })
}

async fn invite(global: &Global, room: &str, users: &[String]) -> Result<(), CliError> {
    let hub = global.hub()?;
    for user in users {
        hub.invite(room, user).await?;
        let invited = json!({"room": room, "user": user});
        global
            .out
            .result(&invited, user, || format!("{user} is in {room} now, if there is such an account"))?;
    }
    Ok(())
}

async fn members(global: &Global, room: &str) -> Result<(), CliError> {
    let members = global.hub()?.members(room).await?;
    global.out.list(
        &members,
        &["NAME", "ROLE", "SINCE", "ID"],
        |member| member.id.to_string(),
        |member| {
            let role = format!("{:?}", member.role).to_lowercase();
            vec![member.name.clone(), role, moment(member.joined_at), member.id.to_string()]
        },
    )
}
