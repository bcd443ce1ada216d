//! Which blocks of a programme count: gated loudness and loudness range from the power of its blocks.

/// Offset of BS.1770 between the power of K-weighted samples in dB and LUFS.
const LUFS_OFFSET: f64 = -0.691;
/// The absolute gate of BS.1770, in LUFS.
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
/// Relative gates, as ratios of power: −10 LU for loudness, −20 LU for its range (EBU Tech 3342).
const RELATIVE_GATE: f64 = 0.1;
const RANGE_GATE: f64 = 0.01;
/// Percentiles between which the range lies.
const RANGE_PERCENTILES: (f64, f64) = (0.1, 0.95);
/// Blocks of 100 ms in a gating block, in a short-term window, and between two of the latter.
const GATING_BLOCKS: usize = 4;
const SHORT_TERM_BLOCKS: usize = 30;
const SHORT_TERM_STEP: usize = 10;
/// Levels that are told apart between the gate and 30 LUFS: a tenth of an LU, as meters with a histogram
/// have it. Finer ones would move stored values in their second decimal and say no more.
const LEVELS_PER_LU: f64 = 10.0;
const LEVEL_COUNT: f64 = 1_000.0;

/// Loudness of a power.
pub(crate) fn to_lufs(power: f64) -> f64 {
    10.0 * power.log10() + LUFS_OFFSET
}

fn to_power(lufs: f64) -> f64 {
    10f64.powf((lufs - LUFS_OFFSET) / 10.0)
}

/// Integrated loudness from the power of blocks of 100 ms; `None` when no block passes the absolute gate.
///
/// - Source: ITU-R BS.1770-4, Annex 1: blocks of 400 ms that overlap by three quarters.
pub(crate) fn integrated_lufs(powers: &[f64]) -> Option<f64> {
    let blocks = audible_levels(powers.windows(GATING_BLOCKS));
    let gate = mean(&blocks)? * RELATIVE_GATE;
    let loud: Vec<f64> = blocks.into_iter().filter(|&power| power >= gate).collect();
    mean(&loud).map(to_lufs)
}

/// Loudness range in LU from the power of blocks of 100 ms; 0 when no window passes the absolute gate.
///
/// - Source: EBU Tech 3342, section 3: windows of 3 s, one a second.
pub(crate) fn range_lu(powers: &[f64]) -> f64 {
    let windows = powers.windows(SHORT_TERM_BLOCKS).step_by(SHORT_TERM_STEP);
    let mut windows = audible_levels(windows);
    let Some(mean) = mean(&windows) else {
        return 0.0;
    };
    windows.retain(|&power| power >= mean * RANGE_GATE);
    windows.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (windows.len().saturating_sub(1) as f64 * share + 0.5) as usize;
        windows.get(index).copied().map_or(0.0, to_lufs)
    };
    at(RANGE_PERCENTILES.1) - at(RANGE_PERCENTILES.0)
}

/// Powers of those windows that pass the absolute gate, in the middle of their level.
fn audible_levels<'a>(windows: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
    windows
        .map(|blocks| to_lufs(blocks.iter().sum::<f64>() / blocks.len() as f64))
        .filter(|&lufs| lufs >= ABSOLUTE_GATE_LUFS)
        .map(|lufs| {
            let level = ((lufs - ABSOLUTE_GATE_LUFS) * LEVELS_PER_LU).floor();
            let level = level.min(LEVEL_COUNT - 1.0);
            to_power(ABSOLUTE_GATE_LUFS + (level + 0.5) / LEVELS_PER_LU)
        })
        .collect()
}

fn mean(powers: &[f64]) -> Option<f64> {
    (!powers.is_empty()).then(|| powers.iter().sum::<f64>() / powers.len() as f64)
}
