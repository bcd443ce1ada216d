//! Time of the processor, which other work on the machine does not lengthen as it does that of the clock.

/// Ticks of the processor time that the system tells of a process.
const TICKS_PER_S: f64 = 100.0;

/// Processor time of this process so far, where the system tells.
pub fn processor_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
    let ticks: f64 = [fields.next()?, fields.next()?]
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Some(ticks / TICKS_PER_S)
}
