//! The stand-ins, seen from the other end of a socket. Times are held against the script's own
//! plan, or against each other, never against how fast this machine may be.

mod cache;
mod conduct;
mod credentials;
mod faults;
mod gateway;
mod limits;
mod log_file;
mod logs;
mod models;
mod native;
mod readme;
mod responses;
mod routing;
mod slots;
mod stand_in;
mod streams;
mod support;
mod truth;
