//! Stories of the gateway over HTTP, on the embedded engines; the workers are not there.

mod accounts;
mod admin;
mod conversions;
mod fixture;
mod openapi;
mod pages;
mod photos;
mod sessions;
mod tasks;
