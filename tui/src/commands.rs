//! What can be typed behind a slash, in one table: it drives what Enter does, what Tab completes, and the help.

/// What a line behind a slash asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Have a file converted for everybody in the room.
    Convert,
    /// Send a file.
    SendFile,
    /// Save a file of the room.
    Save,
    /// Answer a message.
    Reply,
    /// Change an own message.
    Edit,
    /// Remove a message.
    Delete,
    /// Put a sign on a message, or take it back.
    React,
    /// Pin a message.
    Pin,
    /// Take a pin away.
    Unpin,
    /// Bring somebody into the room.
    Invite,
    /// Write to one person.
    Direct,
    /// Find or join a room.
    Join,
    /// Make a room.
    New,
    /// Leave the room.
    Leave,
    /// Show the help.
    Help,
    /// Leave the program.
    Quit,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What it asks for.
    pub does: Does,
    /// Behind the slash.
    pub name: &'static str,
    /// What follows it; in brackets what may be left out.
    pub takes: &'static str,
    /// A few words for the help.
    pub about: &'static str,
}

const fn command(does: Does, name: &'static str, takes: &'static str, about: &'static str) -> Command {
    Command { does, name, takes, about }
}

/// Columns of a command as it is typed.
pub const USAGE: usize = 22;

/// The table, in the order of the help.
pub const COMMANDS: &[Command] = &[
    command(Does::Convert, "convert", "FORMAT [FILE]", "convert the file above, or yours"),
    command(Does::SendFile, "send", "FILE [TEXT]", "send a file"),
    command(Does::Save, "save", "[PATH]", "save the file above"),
    command(Does::Reply, "reply", "TEXT", "answer the message above"),
    command(Does::Edit, "edit", "[TEXT]", "change your last message"),
    command(Does::Delete, "delete", "", "remove your last message (asks)"),
    command(Does::React, "react", "SIGN", "put a sign above, or take it back"),
    command(Does::Pin, "pin", "", "pin the message above"),
    command(Does::Unpin, "unpin", "", "take its pin away"),
    command(Does::Invite, "invite", "WHO", "bring somebody into the room"),
    command(Does::Direct, "dm", "WHO", "write to one person"),
    command(Does::Join, "join", "[ROOM]", "find or join a room"),
    command(Does::New, "new", "[ROOM]", "make a room"),
    command(Does::Leave, "leave", "", "leave the room (asks)"),
    command(Does::Help, "help", "", "all keys and commands"),
    command(Does::Quit, "quit", "", "leave mshub"),
];

impl Command {
    /// As it is typed: `/convert FORMAT [FILE]`.
    pub fn usage(&self) -> String {
        format!("/{} {}", self.name, self.takes).trim_end().to_owned()
    }

    /// Whether it can do nothing without what follows.
    pub fn needs_more(&self) -> bool {
        !self.takes.is_empty() && !self.takes.starts_with('[')
    }
}

/// What a text in the composer is.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A message. A second slash at its beginning is taken away.
    Text(&'a str),
    /// A command and what follows it.
    Command(&'static Command, &'a str),
    /// Perhaps a path.
    Path(&'a str),
    /// A slash and a word that is no command.
    Unknown(&'a str),
}

/// Reads what is in the composer. A text of several lines is never a command.
pub fn read(text: &str) -> Line<'_> {
    let trimmed = text.trim();
    let Some(behind) = trimmed.strip_prefix('/') else { return Line::Text(text) };
    if behind.starts_with('/') {
        return Line::Text(behind);
    }
    if behind.contains('\n') || behind.starts_with(' ') || behind.is_empty() {
        return Line::Text(text);
    }
    let (name, rest) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
    match COMMANDS.iter().find(|command| command.name.eq_ignore_ascii_case(name)) {
        Some(command) => Line::Command(command, rest.trim()),
        None if name.contains('/') => Line::Path(trimmed),
        None => Line::Unknown(name),
    }
}

/// Commands that begin as typed, while their name is being typed.
pub fn beginning(text: &str) -> Vec<&'static Command> {
    let Some(typed) = text.strip_prefix('/').filter(|typed| !typed.contains(char::is_whitespace)) else {
        return Vec::new();
    };
    COMMANDS.iter().filter(|command| command.name.starts_with(&typed.to_lowercase())).collect()
}

/// The command whose name is complete, and what was typed behind it.
pub fn complete(text: &str) -> Option<(&'static Command, &str)> {
    let (name, rest) = text.strip_prefix('/')?.split_once(' ')?;
    let command = COMMANDS.iter().find(|command| command.name == name)?;
    (!rest.contains('\n')).then_some((command, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_begin_a_text() {
        assert!(
            matches!(read("/convert pdf a b"), Line::Command(command, "pdf a b") if command.does == Does::Convert)
        );
        assert!(matches!(read(" /HELP "), Line::Command(command, "") if command.does == Does::Help));
        assert!(matches!(read("//convert is a command"), Line::Text("/convert is a command")));
        assert!(matches!(read("/tmp/a.txt"), Line::Path("/tmp/a.txt")));
        assert!(matches!(read("/nonsense here"), Line::Unknown("nonsense")));
        for text in ["/ 2 = 1", "/", "hello /help", "/first\nsecond"] {
            assert!(matches!(read(text), Line::Text(same) if same == text), "{text}");
        }
    }

    #[test]
    fn every_line_fits_beside_the_rooms_on_80_columns() {
        for command in COMMANDS {
            assert!(command.usage().len() <= USAGE && command.about.len() <= 35, "{}", command.name);
        }
    }

    #[test]
    fn what_is_typed_narrows_the_commands() {
        let names = |text| beginning(text).iter().map(|command| command.name).collect::<Vec<_>>();

        assert_eq!(names("/re"), ["reply", "react"]);
        assert_eq!(names("/").len(), COMMANDS.len());
        assert!(names("/convert ").is_empty() && names("x").is_empty());
        assert!(
            complete("/convert p").is_some_and(|(command, rest)| command.name == "convert" && rest == "p")
        );
    }
}
