//! Chat: rooms left, messages right, the message being written below, members where there is room.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};
use wire::{frames::Presence, rooms::MemberRole};

use crate::{
    app::State,
    here, layout,
    room::{About, RoomState, Scroll},
    text,
    widgets::{frame, messages},
};

use super::commands;

/// Paints the screen; `active` when nothing lies over it.
pub fn draw(out: &mut Frame<'_>, state: &State, _area: Rect, active: bool) {
    let areas = state.chat_areas();
    if let Some(area) = areas.rooms {
        draw_rooms(out, state, area, active && !state.typing);
    }
    if let Some(area) = areas.members {
        draw_members(out, state, area);
    }
    match state.open_room() {
        Some(room) => {
            draw_messages(out, state, room, areas.messages, areas.rooms.is_none());
            draw_composer(out, state, room, areas.composer, active && state.typing);
            if active && state.typing {
                commands::draw(out, state, room, areas.messages);
            }
        }
        None => draw_empty(out, state, areas.messages, areas.composer),
    }
}

fn draw_rooms(out: &mut Frame<'_>, state: &State, area: Rect, active: bool) {
    let theme = state.theme;
    let block = frame::pane(theme, "Rooms", area.width, active);
    let inside = block.inner(area);
    out.render_widget(block, area);
    let columns = usize::from(inside.width);
    let height = usize::from(inside.height);
    let at = state.rooms.iter().position(|room| Some(room.id()) == state.open).unwrap_or(0);
    let first = (at + 1).saturating_sub(height);
    for (index, room) in state.rooms.iter().skip(first).take(height).enumerate() {
        let open = Some(room.id()) == state.open;
        let (unread, mentions) = state.counts(room);
        let count = match (unread, mentions) {
            (0, _) => String::new(),
            (_, 0) => format!(" {unread}"),
            _ => format!(" {unread} @{mentions}"),
        };
        let lead = if open { "▸ " } else { "  " };
        let name = format!("{lead}{}{}", sign(state, room), room.room.name);
        let name = text::fit(&name, columns.saturating_sub(count.len()));
        let style = match (open, unread > 0) {
            (true, _) => theme.selected(),
            (false, true) => theme.strong(),
            (false, false) => theme.text(),
        };
        frame::put(out, inside, index as u16, &format!("{name}{count}"), style);
    }
}

/// What stands before a room's name: for a conversation how the other one is, where that is known.
fn sign(state: &State, room: &RoomState) -> &'static str {
    match (room.room.direct, room.room.private) {
        (true, _) => room.crowd.other(state.my_id()).map_or("@", here::dot),
        (false, true) => "◆",
        (false, false) => "#",
    }
}

fn draw_members(out: &mut Frame<'_>, state: &State, area: Rect) {
    let theme = state.theme;
    let block = frame::pane(theme, "Members", area.width, false);
    let inside = block.inner(area);
    out.render_widget(block, area);
    let Some(room) = state.open_room() else { return };
    let (rows, all) = (usize::from(inside.height), room.members.len());
    let shown = if all > rows { rows.saturating_sub(1) } else { all };
    if let Some(row) = frame::row(inside, shown as u16).filter(|_| shown < all) {
        out.render_widget(Line::styled(format!("… and {} more", all - shown), theme.dim()), row);
    }
    for (index, member) in room.members.iter().enumerate().take(shown) {
        let role = match member.role {
            MemberRole::Owner => " owner",
            MemberRole::Moderator => " moderator",
            MemberRole::Member => "",
        };
        let is = room.crowd.is(member.id).or(member.presence);
        let dot = is.map(|is| format!("{} ", here::dot(is))).unwrap_or_default();
        let columns = usize::from(inside.width).saturating_sub(role.len() + text::width(&dot));
        let own = member.id == state.my_id();
        let style = if own { theme.strong() } else { theme.author(member.id) };
        let dot_style = if is == Some(Presence::Online) { theme.good() } else { theme.dim() };
        let line = Line::from(vec![
            Span::styled(dot, dot_style),
            Span::styled(text::fit(&member.name, columns), style),
            Span::styled(role, theme.dim()),
        ]);
        if let Some(row) = frame::row(inside, index as u16) {
            out.render_widget(line, row);
        }
    }
}

/// Name, people, topic; on narrow screens also what is unread elsewhere.
fn title(state: &State, room: &RoomState, alone: bool) -> String {
    let name = format!("{}{}", sign(state, room), room.room.name);
    let mut title = match (room.room.direct, room.room.members) {
        (true, _) => match room.crowd.other(state.my_id()) {
            Some(is) => format!("{name} · {}", is.name()),
            None => name.clone(),
        },
        (false, 1) => format!("{name} · 1 member"),
        (false, members) => format!("{name} · {members} members"),
    };
    if alone {
        let others = state.rooms.iter().filter(|other| other.id() != room.id());
        let unread: u64 = others.map(|other| state.unread(other)).sum();
        if unread > 0 {
            title = format!("{name} · {unread} unread elsewhere");
        }
    } else if !room.room.topic.is_empty() {
        title = format!("{title} · {}", room.room.topic);
    }
    title
}

fn draw_messages(out: &mut Frame<'_>, state: &State, room: &RoomState, area: Rect, alone: bool) {
    let theme = state.theme;
    let block = frame::pane(theme, &title(state, room, alone), area.width, false);
    let mut inside = block.inner(area);
    out.render_widget(block, area);
    if let Some(banner) = state.banner() {
        frame::put(out, inside, 0, &banner, theme.warn());
        inside = Rect { y: inside.y + 1, height: inside.height.saturating_sub(1), ..inside };
    }
    let timeline = &room.timeline;
    if timeline.is_empty() {
        let line = if timeline.live { "Nothing here yet. Write the first message." } else { "loading…" };
        frame::put(out, inside, 0, line, theme.dim());
        draw_writing(out, state, room, area);
        return;
    }
    let my_name = state.my_name();
    let flow = state.flow(room, &my_name);
    for (index, row) in flow.visible(inside.height).into_iter().enumerate() {
        if let Some(place) = frame::row(inside, index as u16) {
            let chosen = row.place.is_some() && row.place == timeline.selected;
            out.render_widget(messages::line(theme, &flow, row), place);
            if chosen {
                out.buffer_mut().set_style(place, theme.selected());
            }
        }
    }
    draw_below(out, state, room, area);
    draw_writing(out, state, room, area);
}

/// Who is writing, on the frame's lower edge.
fn draw_writing(out: &mut Frame<'_>, state: &State, room: &RoomState, area: Rect) {
    let Some(sentence) = room.crowd.sentence(state.my_id()) else { return };
    // What is hidden below stands at the right of the same edge.
    let half = if room.timeline.scroll == Scroll::Follow { area.width } else { area.width / 2 };
    let line = text::cut(&format!(" {sentence} "), usize::from(half.saturating_sub(3)));
    let width = text::width(&line) as u16;
    let place = Rect { x: area.x + 2, y: area.bottom().saturating_sub(1), width, height: 1 };
    out.render_widget(Span::styled(line, state.theme.dim()), place.intersection(out.area()));
}

/// What is hidden below, on the frame's lower edge.
fn draw_below(out: &mut Frame<'_>, state: &State, room: &RoomState, area: Rect) {
    let theme = state.theme;
    let timeline = &room.timeline;
    let line = match (timeline.loading, timeline.scroll) {
        (true, _) => " loading older messages… ".to_owned(),
        (false, Scroll::Follow) => return,
        (false, Scroll::Anchor(..)) => match state.unread(room) {
            0 => " ↓ PgDn to the newest ".to_owned(),
            count if state.typing => format!(" ↓ {count} new · Alt-End newest "),
            count => format!(" ↓ {count} new · G newest "),
        },
    };
    let line = text::cut(&line, usize::from(area.width.saturating_sub(2)));
    let width = text::width(&line) as u16;
    let place = Rect {
        x: area.right().saturating_sub(width + 2),
        y: area.bottom().saturating_sub(1),
        width,
        height: 1,
    };
    out.render_widget(Span::styled(line, theme.warn()), place.intersection(out.area()));
}

fn draw_composer(out: &mut Frame<'_>, state: &State, room: &RoomState, area: Rect, active: bool) {
    let theme = state.theme;
    let title = composer_title(state, room);
    let block = frame::pane(theme, &title, area.width, active);
    let inside = block.inner(area);
    out.render_widget(block, area);
    let composer = &room.composer;
    if composer.is_empty() && !active {
        let hint = if state.typing { "" } else { "i or Enter: write a message" };
        frame::put(out, inside, 0, hint, theme.dim());
        return;
    }
    if inside.is_empty() {
        return;
    }
    if composer.is_empty() {
        frame::put(out, inside, 0, placeholder(inside.width), theme.dim());
    } else {
        out.render_widget(composer.area(), inside);
    }
    if active {
        let (at, (top, left)) = (composer.area().screen_cursor(), composer.area().scroll_offset());
        let x = inside.x + (at.col as u16).saturating_sub(left).min(inside.width - 1);
        let y = inside.y + (at.row as u16).saturating_sub(top).min(inside.height - 1);
        out.set_cursor_position(Position { x, y });
    }
}

/// What an empty composer can be used for, as far as there is room.
fn placeholder(columns: u16) -> &'static str {
    const ALL: [&str; 3] = [
        "a message · / for commands · ↑ for messages · or drop a file",
        "a message · / commands · ↑ messages",
        "a message · / commands",
    ];
    ALL.into_iter().find(|words| text::width(words) < usize::from(columns)).unwrap_or_default()
}

/// What is being written: a message, an answer, another text for a message.
fn composer_title(state: &State, room: &RoomState) -> String {
    match &room.about {
        _ if !state.typing => String::new(),
        None => "Message".to_owned(),
        Some(About::Edit { .. }) => "Edit · Enter keeps it, Esc does not".to_owned(),
        Some(About::Reply(pos)) => match room.timeline.entry(*pos) {
            Some(entry) => format!("Reply · Esc stops · {}", entry.brief()),
            None => "Reply · Esc stops".to_owned(),
        },
    }
}

/// No room yet: what to press next.
fn draw_empty(out: &mut Frame<'_>, state: &State, area: Rect, below: Rect) {
    let theme = state.theme;
    let area = layout_union(area, below);
    let block = frame::pane(theme, "Welcome", area.width, false);
    let inside = block.inner(area);
    out.render_widget(block, area);
    if !state.rooms_known {
        frame::put(out, inside, 1, " loading your rooms… (r asks again)", theme.dim());
        return;
    }
    let lines = [
        if state.rooms.is_empty() { "You are in no room yet." } else { "No room is open." },
        "",
        "Ctrl-N  make one",
        "Ctrl-K  find and join one",
        "F3      convert a file",
    ];
    for (index, line) in lines.into_iter().enumerate() {
        frame::put(out, inside, index as u16 + 1, &format!(" {line}"), theme.text());
    }
}

fn layout_union(above: Rect, below: Rect) -> Rect {
    debug_assert_eq!(layout::inside(above).width, layout::inside(below).width);
    above.union(below)
}
