//! The conversion screen: files go up, results come down.

use std::path::PathBuf;

use wire::{
    JobId, Timestamp,
    conversions::{FormatPair, Job, JobState},
};

use super::{failed, go, notify, overlay};
use crate::{
    app::{Confirm, Overlay, Screen, State, Tone},
    conversions::{RowKey, Upload},
    keys::Action,
    msg::{Answer, Effect},
    text,
};

/// Shows the screen; the first time the hub is asked what it has and what it can.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    go(state, Screen::Convert, false);
    if state.conversions.loaded {
        return Vec::new();
    }
    state.conversions.loaded = true;
    vec![Effect::LoadJobs, Effect::LoadFormats]
}

pub(super) fn act(state: &mut State, action: Action, now: Timestamp) -> Vec<Effect> {
    match action {
        Action::Up => state.conversions.select(-1),
        Action::Down => state.conversions.select(1),
        Action::Back => go(state, Screen::Chat, state.open.is_some()),
        Action::Refresh => return vec![Effect::LoadJobs, Effect::LoadFormats],
        Action::Save => return save(state, now),
        Action::Cancel => return cancel(state, now),
        Action::Retry => return retry(state, now),
        _ => {}
    }
    Vec::new()
}

fn selected_job(state: &State) -> Option<&Job> {
    match state.conversions.selected_row()? {
        RowKey::Job(id) => state.conversions.jobs.get(&id),
        RowKey::Upload(_) => None,
    }
}

fn save(state: &mut State, now: Timestamp) -> Vec<Effect> {
    match selected_job(state).cloned() {
        Some(job) if job.state == JobState::Completed => overlay::save(state, &job),
        Some(job) => notify(state, Tone::Plain, format!("{} has no result yet", job.name), now),
        None => notify(state, Tone::Plain, "choose a finished conversion first", now),
    }
    Vec::new()
}

fn cancel(state: &mut State, now: Timestamp) -> Vec<Effect> {
    match state.conversions.selected_row() {
        Some(RowKey::Upload(number)) => {
            if state.conversions.upload(number).is_some_and(|upload| upload.failed.is_some()) {
                state.conversions.uploads.retain(|upload| upload.number != number);
            } else {
                state.overlay = Some(Overlay::Confirm(Confirm::StopUpload(number)));
            }
        }
        Some(RowKey::Job(id)) => {
            if state.conversions.jobs.get(&id).is_some_and(|job| !job.state.is_final()) {
                state.overlay = Some(Overlay::Confirm(Confirm::CancelJob(id)));
            } else {
                notify(state, Tone::Plain, "it is over already; nothing to stop", now);
            }
        }
        None => {}
    }
    Vec::new()
}

fn retry(state: &mut State, now: Timestamp) -> Vec<Effect> {
    match state.conversions.selected_row() {
        Some(RowKey::Upload(number)) => {
            let Some(upload) = state.conversions.upload_mut(number) else { return Vec::new() };
            if upload.failed.take().is_none() {
                return Vec::new();
            }
            upload.sent = 0;
            let (path, to) = (upload.path.clone(), upload.to.clone());
            vec![Effect::Upload { upload: number, path, to }]
        }
        Some(RowKey::Job(id)) => match state.conversions.jobs.get(&id).map(|job| job.state) {
            Some(JobState::Failed | JobState::Cancelled) => vec![Effect::RetryJob(id)],
            _ => {
                notify(state, Tone::Plain, "only what failed or was stopped can be tried again", now);
                Vec::new()
            }
        },
        None => Vec::new(),
    }
}

/// A file goes on its way.
pub(super) fn upload(state: &mut State, path: &str, to: &str) -> Vec<Effect> {
    let path = PathBuf::from(path);
    let number = state.next_number();
    let name = path.file_name().map(|name| text::clean_line(&name.to_string_lossy())).unwrap_or_default();
    let to = to.trim_start_matches('.').to_lowercase();
    state.conversions.uploads.push(Upload {
        number,
        path: path.clone(),
        name,
        to: to.clone(),
        sent: 0,
        total: None,
        failed: None,
    });
    state.conversions.selected = Some(RowKey::Upload(number));
    vec![Effect::Upload { upload: number, path, to }]
}

pub(super) fn moved(state: &mut State, upload: u64, sent: u64, total: Option<u64>) -> Vec<Effect> {
    if let Some(upload) = state.conversions.upload_mut(upload) {
        upload.sent = upload.sent.max(sent);
        upload.total = total.or(upload.total);
    }
    Vec::new()
}

pub(super) fn uploaded(state: &mut State, number: u64, answer: Answer<Job>) -> Vec<Effect> {
    match answer {
        Ok(job) => {
            let was_selected = state.conversions.selected == Some(RowKey::Upload(number));
            state.conversions.uploads.retain(|upload| upload.number != number);
            state.conversions.target.clone_from(&job.to);
            if was_selected {
                state.conversions.selected = Some(RowKey::Job(job.id));
            }
            state.conversions.insert(job);
        }
        Err(failure) => {
            if let Some(upload) = state.conversions.upload_mut(number) {
                upload.failed = Some(text::clean_line(&failure.sentence()));
            }
        }
    }
    Vec::new()
}

pub(super) fn listed(state: &mut State, answer: Answer<Vec<Job>>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(jobs) => jobs.into_iter().for_each(|job| state.conversions.insert(job)),
        Err(failure) => {
            state.conversions.loaded = false;
            return failed(state, &failure, now);
        }
    }
    Vec::new()
}

pub(super) fn changed(state: &mut State, answer: Answer<Job>, now: Timestamp) -> Vec<Effect> {
    match answer {
        Ok(job) => state.conversions.insert(job),
        Err(failure) => return failed(state, &failure, now),
    }
    Vec::new()
}

pub(super) fn formats(state: &mut State, answer: Answer<Vec<FormatPair>>) -> Vec<Effect> {
    // Without the list the hub still says no by itself to what it cannot do.
    if let Ok(formats) = answer {
        state.conversions.formats = formats;
    }
    Vec::new()
}

pub(super) fn saving(state: &mut State, job: JobId, bytes: u64) -> Vec<Effect> {
    if let Some(known) = state.conversions.saving.get_mut(&job) {
        *known = (*known).max(bytes);
    }
    Vec::new()
}

pub(super) fn saved(state: &mut State, job: JobId, answer: Answer<PathBuf>, now: Timestamp) -> Vec<Effect> {
    state.conversions.saving.remove(&job);
    match answer {
        Ok(path) => {
            notify(state, Tone::Good, format!("saved as {}", path.display()), now);
            state.conversions.saved.insert(job, path);
            Vec::new()
        }
        Err(failure) => failed(state, &failure, now),
    }
}
