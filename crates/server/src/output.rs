//! Standard output and standard error, either of which may be closed before a command has ended, as
//! `head` closes it.
//!
//! The macros of the standard library panic there. Those below, which the whole program uses in their
//! place, are silent from then on: the command comes to its end as if somebody read on, so that what it
//! holds is written down, and the exit code tells it.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a shell says of a program that wrote to a closed pipe: 128 and the number of SIGPIPE.
const CLOSED_CODE: u8 = 141;
/// Everything was written.
const OPEN: u8 = 0;
/// Nobody reads any more.
const CLOSED: u8 = 1;
/// It cannot be written, for example because the disk is full.
const FAILED: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(OPEN);

macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprintln {
    ($($text:tt)*) => { $crate::output::complain(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes to standard output.
pub fn write(text: Arguments<'_>) {
    if STATE.load(Ordering::Relaxed) != OPEN {
        return;
    }
    let mut out = std::io::stdout().lock();
    let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) else {
        return;
    };
    let state = state_after(&error);
    STATE.store(state, Ordering::Relaxed);
    if state == FAILED {
        eprintln!("leitmotif: cannot write to standard output: {error}");
    }
}

fn state_after(error: &std::io::Error) -> u8 {
    match error.kind() {
        ErrorKind::BrokenPipe => CLOSED,
        _ => FAILED,
    }
}

/// Writes to standard error; there is nobody left to tell when that fails.
pub fn complain(text: Arguments<'_>) {
    let _ = std::io::stderr().lock().write_fmt(text);
}

/// Whether nobody reads what is written: what goes on for ever ends then.
pub fn is_closed() -> bool {
    STATE.load(Ordering::Relaxed) != OPEN
}

/// The exit code of a command that would end with `code`.
pub fn code_after(code: ExitCode) -> ExitCode {
    match STATE.load(Ordering::Relaxed) {
        OPEN => code,
        CLOSED => ExitCode::from(CLOSED_CODE),
        _ => ExitCode::FAILURE,
    }
}
