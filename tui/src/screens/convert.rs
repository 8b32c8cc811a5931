//! Convert: uploads and conversions, a row each, and what is to be said about the selected one.

use ratatui::{Frame, layout::Rect};
use wire::conversions::{Job, JobState};

use crate::{
    app::State,
    conversions::{RowKey, Upload},
    text,
    widgets::{frame, progress},
};

/// Columns of the bar.
const BAR: usize = 10;

/// Paints the screen.
pub fn draw(out: &mut Frame<'_>, state: &State, area: Rect) {
    let theme = state.theme;
    let block = frame::pane(theme, "Convert", area.width, true);
    let inside = block.inner(area);
    out.render_widget(block, area);
    let rows = state.conversions.rows();
    if rows.is_empty() {
        let lines = [
            "No conversions yet.",
            "",
            "a  choose a file, say what it should become",
            "Esc  back to the chat",
        ];
        for (index, line) in lines.into_iter().enumerate() {
            frame::put(out, inside, index as u16 + 1, &format!(" {line}"), theme.text());
        }
        return;
    }
    let columns = usize::from(inside.width);
    let name = columns.saturating_sub(2 + 9 + 1 + 6 + 34).clamp(10, 40);
    let head = format!("  {} {:>9} {:6} State", text::fit("File", name), "Size", "To");
    frame::put(out, inside, 0, &head, theme.dim());
    let selected = state.conversions.selected_index();
    let detail = detail(state, rows.get(selected).copied(), inside);
    let below = u16::try_from(detail.len()).unwrap_or(u16::MAX).max(2);
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(below + 2), ..inside };
    let height = usize::from(list.height);
    let first = (selected + 1).saturating_sub(height);
    for (index, key) in rows.iter().skip(first).take(height).enumerate() {
        let here = index + first == selected;
        let line = format!("{}{}", if here { "▸ " } else { "  " }, row(state, *key, name));
        let line = text::fit(&line, columns);
        let style = if here { theme.selected() } else { theme.text() };
        frame::put(out, list, index as u16, &line, style);
    }
    let place = Rect { y: inside.bottom().saturating_sub(below), height: below.min(inside.height), ..inside };
    for (index, line) in detail.into_iter().enumerate() {
        frame::put(out, place, index as u16, &format!("  {line}"), theme.dim());
    }
}

fn row(state: &State, key: RowKey, name: usize) -> String {
    match key {
        RowKey::Upload(number) => {
            state.conversions.upload(number).map(|upload| upload_row(upload, name)).unwrap_or_default()
        }
        RowKey::Job(id) => {
            state.conversions.jobs.get(&id).map(|job| job_row(state, job, name)).unwrap_or_default()
        }
    }
}

fn upload_row(upload: &Upload, name: usize) -> String {
    let size = upload.total.map(text::bytes).unwrap_or_default();
    let what = match (&upload.failed, upload.total) {
        (Some(why), _) => format!("✗ not sent: {why}"),
        (None, Some(total)) => format!(
            "uploading   {} {:>3}%",
            progress::bar(upload.sent, total, BAR),
            progress::percent(upload.sent, total)
        ),
        (None, None) => format!("uploading   {}", text::bytes(upload.sent)),
    };
    format!("{} {size:>9} {:6} {what}", text::fit(&upload.name, name), text::cut(&upload.to, 6))
}

fn job_row(state: &State, job: &Job, name: usize) -> String {
    let what = match state.conversions.saving.get(&job.id) {
        Some(bytes) => match job.bytes_out {
            Some(total) => {
                format!(
                    "saving      {} {:>3}%",
                    progress::bar(*bytes, total, BAR),
                    progress::percent(*bytes, total)
                )
            }
            None => format!("saving      {}", text::bytes(*bytes)),
        },
        None => job_state(state, job),
    };
    let (size, to) = (text::bytes(job.bytes_in), text::cut(&job.to, 6));
    format!("{} {size:>9} {to:6} {what}", text::fit(&job.name, name))
}

fn job_state(state: &State, job: &Job) -> String {
    match job.state {
        JobState::Uploading => "uploading".to_owned(),
        JobState::Queued => match job.position {
            Some(0) => "queued      next".to_owned(),
            Some(before) => format!("queued      {before} before it"),
            None => "queued".to_owned(),
        },
        JobState::InProgress => in_progress(job),
        JobState::Completed => {
            let size = job.bytes_out.map(text::bytes).unwrap_or_default();
            let saved = if state.conversions.saved.contains_key(&job.id) { " · saved" } else { "" };
            let lost = if job.degraded { " · ! lossy" } else { "" };
            format!("✓ done      {size}{saved}{lost}")
        }
        JobState::Failed => {
            format!(
                "✗ failed    {}",
                job.error.as_ref().map(|error| error.detail.as_str()).unwrap_or_default()
            )
        }
        JobState::Cancelled => "stopped".to_owned(),
    }
}

fn in_progress(job: &Job) -> String {
    job.progress.as_ref().map_or("converting".to_owned(), |at| progress::words(at, BAR))
}

/// What is to be said about the selected row, in as many lines as that takes; half of the screen is the list's.
fn detail(state: &State, selected: Option<RowKey>, inside: Rect) -> Vec<String> {
    let line = match selected {
        Some(RowKey::Upload(number)) => state.conversions.upload(number).map(upload_detail),
        Some(RowKey::Job(id)) => state.conversions.jobs.get(&id).map(|job| job_detail(state, job)),
        None => None,
    };
    let columns = usize::from(inside.width).saturating_sub(3);
    let mut lines = line.map(|line| text::wrap(&text::clean_line(&line), columns)).unwrap_or_default();
    lines.truncate(usize::from(inside.height / 2).max(2));
    lines
}

fn upload_detail(upload: &Upload) -> String {
    let path = upload.path.display().to_string();
    match &upload.failed {
        // Most failures of files name them.
        Some(why) if why.contains(&path) => format!("{why} (R tries again, x forgets it)"),
        Some(why) => format!("{path}: {why} (R tries again, x forgets it)"),
        None => format!("{path} is on its way · x stops it"),
    }
}

fn job_detail(state: &State, job: &Job) -> String {
    let engine = job.engine.as_deref().map(|engine| format!(" with {engine}")).unwrap_or_default();
    let seconds = job.seconds.map(|seconds| format!(" in {seconds:.1} s")).unwrap_or_default();
    match job.state {
        JobState::Completed => match state.conversions.saved.get(&job.id) {
            Some(path) => format!("{} → {}: saved as {}", job.from, job.to, path.display()),
            None if job.degraded => {
                format!(
                    "{} → {}{engine}{seconds} · missing: {} · s saves it",
                    job.from,
                    job.to,
                    job.lost.join(", ")
                )
            }
            None => format!("{} → {}{engine}{seconds} · s saves it", job.from, job.to),
        },
        JobState::Failed => {
            let why = job.error.as_ref().map(|error| error.detail.as_str()).unwrap_or_default();
            format!("{why} (R tries again)")
        }
        JobState::Cancelled => "stopped (R tries again)".to_owned(),
        _ => format!("{} → {}{engine} · attempt {} · x stops it", job.from, job.to, job.attempt.max(1)),
    }
}
