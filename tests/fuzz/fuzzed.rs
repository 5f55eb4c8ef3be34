//! Takes the inputs that a long fuzz run found, without instruments, and says which needed the most of the processor: `fuzzed FOLDER`,
//! with a folder for each entrance in it. One of more than 100 ms is a failure. tests/fuzz/run.py ends with it.

use auscult_fuzz::entrances::ENTRANCES;
use auscult_fuzz::papers::PAPERS;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("fuzzed FOLDER"));
    let mut inputs = 0_u64;
    let mut slowest = (Duration::ZERO, PathBuf::new());
    for (name, enter) in ENTRANCES.iter().chain(PAPERS) {
        for file in fs::read_dir(folder.join(name)).into_iter().flatten().flatten() {
            let octets = fs::read(file.path()).unwrap();
            let before = processor();
            enter(&octets);
            let took = processor().saturating_sub(before);
            inputs += 1;
            if took > slowest.0 {
                slowest = (took, file.path());
            }
        }
    }
    println!("{inputs} inputs; the slowest took {:.1} ms: {}", slowest.0.as_secs_f64() * 1e3, slowest.1.display());
    ExitCode::from(u8::from(inputs == 0 || slowest.0 > MOST))
}

/// What one input may take of the processor.
const MOST: Duration = Duration::from_millis(100);

/// This thread's time on the processor: others may share the machine.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
