//! How sure a value is, where listeners are what varies.

/// 97.5 % of the normal distribution lies below it.
const Z: f64 = 1.959_963_984_540_054;
/// 97.5 % points of Student's distribution with one to four degrees of freedom, where the expansion is too coarse.
const T_FEW: [f64; 4] = [12.706_204_74, 4.302_652_73, 3.182_446_31, 2.776_445_11];

/// Sums over listeners: of what each has above (`x`) and below (`y`) the line, exact whatever their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moments {
    /// Listeners.
    pub listeners: u64,
    /// Observations.
    pub observations: u64,
    /// Σ x.
    pub x: i128,
    /// Σ y.
    pub y: i128,
    xx: i128,
    xy: i128,
    yy: i128,
}

impl Moments {
    /// Adds a listener. Squares beyond 128 bits stay at the bound: the interval is then too wide, and sums stand.
    pub fn add(&mut self, observations: u64, x: i128, y: i128) {
        self.listeners += 1;
        self.observations += observations;
        self.x = self.x.saturating_add(x);
        self.y = self.y.saturating_add(y);
        self.xx = self.xx.saturating_add(x.saturating_mul(x));
        self.xy = self.xy.saturating_add(x.saturating_mul(y));
        self.yy = self.yy.saturating_add(y.saturating_mul(y));
    }

    /// Adds other listeners.
    pub fn merge(&mut self, other: &Self) {
        self.listeners += other.listeners;
        self.observations += other.observations;
        self.x = self.x.saturating_add(other.x);
        self.y = self.y.saturating_add(other.y);
        self.xx = self.xx.saturating_add(other.xx);
        self.xy = self.xy.saturating_add(other.xy);
        self.yy = self.yy.saturating_add(other.yy);
    }

    /// The ratio of the sums; none where nothing stands below the line.
    pub fn ratio(&self) -> Option<f64> {
        (self.y != 0).then(|| self.x as f64 / self.y as f64)
    }

    /// The 95 % interval of the ratio; none for fewer than two listeners.
    ///
    /// - Source: Deng, Knoblich and Lu 2018, "Applying the delta method in metric analytics", section 3.2: the
    ///   variance of a ratio of sums over units, with Student's quantile in the place of the normal one for few.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let ratio = self.ratio()?;
        if self.listeners < 2 {
            return None;
        }
        let n = self.listeners as f64;
        let mean_y = self.y as f64 / n;
        // Residuals x − R y have mean 0, so that their squares sum to this.
        let squares =
            self.xx as f64 - 2.0 * ratio * self.xy as f64 + ratio * ratio * self.yy as f64;
        let variance = squares.max(0.0) / (n - 1.0) / (n * mean_y * mean_y);
        let half = student(n - 1.0) * variance.sqrt();
        Some((ratio - half, ratio + half))
    }
}

/// The 95 % interval around a value from what it is without each of some groups of listeners.
///
/// - Errors: none for fewer than two groups.
/// - Source: Wolter 2007, "Introduction to Variance Estimation", section 4.2: the jackknife by random groups.
pub fn jackknife(value: f64, without: &[f64]) -> Option<(f64, f64)> {
    if without.len() < 2 {
        return None;
    }
    let count = without.len() as f64;
    let mean = without.iter().sum::<f64>() / count;
    let squares: f64 = without.iter().map(|one| (one - mean).powi(2)).sum();
    let half = student(count - 1.0) * ((count - 1.0) / count * squares).sqrt();
    Some((value - half, value + half))
}

/// The 97.5 % point of Student's distribution.
///
/// - Source: Abramowitz and Stegun 1964, 26.7.5, to the third term; within 0.2 % from five degrees on.
fn student(degrees: f64) -> f64 {
    if let Some(few) = T_FEW.get(degrees as usize - 1) {
        return *few;
    }
    let z2 = Z * Z;
    let first = (z2 + 1.0) * Z / 4.0;
    let second = ((5.0 * z2 + 16.0) * z2 + 3.0) * Z / 96.0;
    let third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) * Z / 384.0;
    Z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_table() {
        for (degrees, expected) in [
            (1.0, 12.706),
            (4.0, 2.776),
            (5.0, 2.571),
            (10.0, 2.228),
            (30.0, 2.042),
            (1e6, 1.960),
        ] {
            let found = student(degrees);
            assert!((found / expected - 1.0).abs() < 2e-3, "{degrees}: {found}");
        }
    }

    #[test]
    fn the_interval_is_that_of_a_mean_where_all_weigh_the_same() {
        let mut moments = Moments::default();
        for x in [1, 2, 3, 4, 5] {
            moments.add(1, x, 1);
        }
        let (low, high) = moments.interval().unwrap();
        // Mean 3, standard error √(2.5 / 5), 2.776 with four degrees.
        assert_eq!(moments.ratio(), Some(3.0));
        assert!(
            (high - 3.0 - 2.776_445 * 0.5_f64.sqrt()).abs() < 1e-5,
            "{high}"
        );
        assert!((3.0 - low - (high - 3.0)).abs() < 1e-12);
        let mut one = Moments::default();
        one.add(3, 1, 3);
        assert_eq!(one.interval(), None);
        assert_eq!(Moments::default().ratio(), None);
    }

    #[test]
    fn the_interval_holds_the_truth_nineteen_times_of_twenty() {
        use leitmotif_domain::chance::Seed;
        // Listeners with one to twenty plays, each with a taste for skipping of their own: 0.1 to 0.5.
        let mut held = 0;
        let runs = 600;
        for run in 0..runs {
            let mut draws = Seed(run).rng();
            let mut moments = Moments::default();
            for _ in 0..80 {
                let (plays, taste) = (1 + (draws.next_f64() * 20.0) as i128, draws.next_f64());
                let chance = 0.1 + 0.4 * taste;
                let skips = (0..plays).filter(|_| draws.next_f64() < chance).count();
                moments.add(plays as u64, skips as i128, plays);
            }
            let (low, high) = moments.interval().unwrap();
            held += u32::from((low..high).contains(&0.3));
        }
        let share = f64::from(held) / f64::from(runs as u32);
        assert!((0.93..0.97).contains(&share), "{share}");
    }

    #[test]
    fn a_jackknife_of_a_mean_is_its_standard_error() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let without: Vec<f64> = values.iter().map(|value| (15.0 - value) / 4.0).collect();
        let (low, high) = jackknife(3.0, &without).unwrap();
        let half = 2.776_445 * 0.5_f64.sqrt();
        assert!((high - 3.0 - half).abs() < 1e-5 && (3.0 - low - half).abs() < 1e-5);
        assert_eq!(jackknife(3.0, &without[..1]), None);
    }
}
