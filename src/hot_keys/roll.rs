//! The 1-in-R roll.
//!
//! A lane with one writer doesn't roll for each observation: it counts down the *gap* to the next sample, so that nearly
//! every observation is a decrement. Gaps are geometric, which is what independent rolls give (Vitter, "Faster Methods
//! for Random Sampling", CACM 1984): no period in the workload can meet one in the samples, as it would if every R-th
//! observation were taken. In the lane that threads share, each observation rolls.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a counter, mixed; its state takes atomic additions.

use crate::sync::{AtomicU64, Ordering};
use std::hash::{BuildHasher, Hasher, RandomState};

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// One lane's rolls. Any thread may roll.
pub(super) struct Roll {
    state: AtomicU64,
    /// 1 / ln(1 - 1 / R); R = 1: 0, so that every gap is 1.
    scale: f64,
    /// A roll below it is a sample.
    threshold: u64,
    logarithm: Logarithm,
}

impl Roll {
    /// Rolls with 1 in `rate`, at least 1.
    pub fn new(rate: u32) -> Self {
        let scale = if rate <= 1 { 0.0 } else { (-1.0 / f64::from(rate)).ln_1p().recip() };
        let threshold = if rate <= 1 { u64::MAX } else { u64::MAX / u64::from(rate) };
        Self { state: AtomicU64::new(RandomState::new().build_hasher().finish()), scale, threshold, logarithm: Logarithm::new() }
    }

    /// So many gaps: how many observations there are up to and including the next sample. From 1; at most 38 R.
    #[inline]
    pub fn gaps(&self, count: usize) -> impl Iterator<Item = u32> + '_ {
        let first = self.state.fetch_add(GOLDEN.wrapping_mul(count as u64), Ordering::Relaxed);
        (0..count as u64).map(move |i| {
            // In (0, 1].
            let uniform = ((mix(first.wrapping_add(GOLDEN.wrapping_mul(i))) >> 11) + 1) as i64 as f64 / (1u64 << 53) as f64;
            1 + (self.logarithm.of(uniform) * self.scale) as u32
        })
    }

    /// Whether one observation is a sample.
    pub fn is_sample(&self) -> bool {
        mix(self.state.fetch_add(GOLDEN, Ordering::Relaxed)) <= self.threshold
    }
}

/// The natural logarithm of normal numbers in (0, 1], to 1e-6: a gap need not be more exact. There is no division in it, and
/// no call.
struct Logarithm {
    /// Of as many parts of [1, 2): 1 / c and ln c of its middle c.
    parts: [(f64, f64); 1 << Self::PART_BITS],
}

impl Logarithm {
    const PART_BITS: u32 = 4;

    fn new() -> Self {
        let middle = |i: usize| 1.0 + (i as f64 + 0.5) / f64::from(1 << Self::PART_BITS);
        Self { parts: std::array::from_fn(|i| (middle(i).recip(), middle(i).ln())) }
    }

    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
        let bits = x.to_bits();
        let exponent = (bits >> FRACTION) as i32 - 1023;
        let m = f64::from_bits(bits & ((1 << FRACTION) - 1) | 1023 << FRACTION);
        let (inverse, ln_middle) = self.parts[(bits >> (FRACTION - Self::PART_BITS)) as usize % (1 << Self::PART_BITS)];
        // ln m = ln c + ln (1 + r), with m = c (1 + r): r is at most 1 / 32, and what the series lacks at most r^4 / 4.
        let r = m * inverse - 1.0;
        let ln = r - r * r * (0.5 - r * (1.0 / 3.0));
        (f64::from(exponent) * std::f64::consts::LN_2 + (ln_middle + ln)).min(0.0)
    }
}

fn mix(state: u64) -> u64 {
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Whether each of `count` observations is a sample, by gaps or each by itself.
    fn samples(rate: u32, count: usize, by_gaps: bool) -> Vec<bool> {
        let roll = Roll::new(rate);
        let mut gaps = std::iter::repeat_with(|| roll.gaps(7).collect::<Vec<_>>()).flatten();
        let mut left = gaps.next().expect("they never end");
        let due = |_| match by_gaps {
            true if left > 1 => {
                left -= 1;
                false
            }
            true => {
                left = gaps.next().expect("they never end");
                true
            }
            false => roll.is_sample(),
        };
        (0..count).map(due).collect()
    }

    /// Whether a count of successes is within 6 standard deviations of what `trials` rolls give.
    fn is_plausible(successes: usize, trials: usize, rate: u32) -> bool {
        let (n, p) = (trials as f64, 1.0 / f64::from(rate));
        (successes as f64 - n * p).abs() <= 6.0 * (n * p * (1.0 - p)).sqrt() + 1e-9
    }

    #[test]
    fn the_logarithm_is_the_systems_to_a_millionth() {
        let logarithm = Logarithm::new();
        let mut x = 1.0_f64;
        while x > 1e-16 {
            assert!((logarithm.of(x) - x.ln()).abs() < 1e-6 && logarithm.of(x) <= 0.0, "ln {x}");
            x *= 0.9999;
        }
    }

    #[test]
    fn one_in_r_is_sampled() {
        for (rate, by_gaps) in [1, 2, 3, 16, 100, 1024].into_iter().flat_map(|rate| [(rate, false), (rate, true)]) {
            let samples = samples(rate, 400_000, by_gaps);
            let sampled = samples.iter().filter(|&&sample| sample).count();
            assert!(is_plausible(sampled, samples.len(), rate), "1 in {rate}: {sampled}");
        }
    }

    #[test]
    fn every_phase_of_a_period_that_divides_r_is_sampled_alike() {
        for (period, rate) in [(2, 16), (4, 16), (8, 16), (16, 16), (32, 16), (3, 9)] {
            let samples = samples(rate, 960_000, true);
            for phase in 0..period {
                let of_phase: Vec<bool> = samples.iter().copied().skip(phase).step_by(period).collect();
                let sampled = of_phase.iter().filter(|&&sample| sample).count();
                assert!(is_plausible(sampled, of_phase.len(), rate), "phase {phase} of {period}: {sampled}");
            }
        }
    }

    #[test]
    fn samples_do_not_tell_the_next_ones() {
        let samples = samples(4, 800_000, true);
        for distance in 1..20 {
            let after: Vec<bool> =
                samples.iter().zip(&samples[distance..]).filter(|(&before, _)| before).map(|(_, &after)| after).collect();
            let both = after.iter().filter(|&&sample| sample).count();
            assert!(is_plausible(both, after.len(), 4), "{distance} after a sample: {both} of {}", after.len());
        }
    }
}
