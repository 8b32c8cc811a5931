//! Stories of the live socket, frame by frame.

mod bounds;
mod gap;
mod gateways;
mod jobs;
mod manual;
mod passing;
mod patience;
mod restart;
pub(crate) mod socket;
mod talk;
