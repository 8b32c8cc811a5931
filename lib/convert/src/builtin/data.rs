//! stub
use super::*;
pub(super) fn convert(req:&Request, _t:&mut Ticker<'_>)->Result<Output,Error>{ let _=req; Err(Error::Empty)}
