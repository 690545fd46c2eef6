//! The stand-ins, seen from the other end of a socket. Times are held against the script's own
//! plan, or against each other, never against how fast this machine may be.

mod faults;
mod gateway;
mod slots;
mod streams;
mod support;
