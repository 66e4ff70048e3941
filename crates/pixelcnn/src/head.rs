//! Heads: from the logits of a pixel to its level, and back to what the level cost.
//!
//! Everything is f64 by our own `exp` and `ln`, so the same everywhere.

use crate::config::{Config, MAX_LEVELS};
use crate::math;

/// How the logits of a pixel make its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Two levels by one logit, that of level 1.
    Sigmoid,
    /// A logit for each level: p(k) = e^(z_k / temperature) / sum of all e^(z_j / temperature).
    Softmax {
        /// From 2 to [`MAX_LEVELS`].
        levels: usize,
    },
}

impl Head {
    /// The head of a net.
    pub fn of(config: &Config) -> Head {
        match config.levels {
            2 => Head::Sigmoid,
            levels => Head::Softmax { levels },
        }
    }

    /// Logits of a pixel.
    pub const fn logits(self) -> usize {
        match self {
            Head::Sigmoid => 1,
            Head::Softmax { levels } => levels,
        }
    }

    /// Levels of a pixel.
    pub const fn levels(self) -> usize {
        match self {
            Head::Sigmoid => 2,
            Head::Softmax { levels } => levels,
        }
    }

    /// The level that the uniform number `u` in [0, 1) draws from finite `logits`.
    ///
    /// Of two levels 1, where `u < sigmoid(logit / temperature)`. Of more the least k with
    /// `p(0) + ... + p(k) > u`, both sides times the sum of all e^((z_j - max) / temperature), and summed in that order.
    /// Temperature 0 is the likeliest level, ties to the lowest.
    ///
    /// # Panics
    /// Where the logits are not [`Head::logits`] many.
    pub fn draw(self, logits: &[f32], temperature: f64, u: f64) -> u16 {
        assert!(logits.len() == self.logits());
        match self {
            Head::Sigmoid => {
                let logit = f64::from(logits[0]);
                u16::from(if temperature == 0.0 { logit > 0.0 } else { u < math::sigmoid(logit / temperature) })
            }
            Head::Softmax { .. } if temperature == 0.0 => likeliest(logits) as u16,
            Head::Softmax { .. } => Softmax::of(logits, temperature, &mut [0.0; MAX_LEVELS]).draw(u),
        }
    }

    /// What [`Head::draw`] draws, and its [`Head::nats`]: at temperature 1 both are of the same sums, which many levels make the most
    /// of a pixel's time in a small net.
    ///
    /// # Panics
    /// As [`Head::draw`].
    pub fn draw_with_nats(self, logits: &[f32], temperature: f64, u: f64) -> (u16, f64) {
        if temperature != 1.0 {
            let level = self.draw(logits, temperature, u);
            return (level, self.nats(logits, level));
        }
        assert!(logits.len() == self.logits());
        if self == Head::Sigmoid {
            let logit = f64::from(logits[0]);
            let e = math::exp(-logit.abs());
            let is_one = u < math::sigmoid_of(logit, e);
            return (is_one.into(), math::softplus_of(if is_one { -logit } else { logit }, e));
        }
        let mut room = [0.0; MAX_LEVELS];
        let softmax = Softmax::of(logits, temperature, &mut room);
        let level = softmax.draw(u);
        (level, softmax.nats(level))
    }

    /// -ln p(level), in nats, under the net itself (temperature 1): the cross-entropy of one pixel. At least 0.
    ///
    /// # Panics
    /// Where the logits are not [`Head::logits`] many, or there is no such level.
    pub fn nats(self, logits: &[f32], level: u16) -> f64 {
        assert!(logits.len() == self.logits() && usize::from(level) < self.levels());
        match self {
            Head::Sigmoid => {
                let logit = f64::from(logits[0]);
                math::softplus(if level == 1 { -logit } else { logit })
            }
            Head::Softmax { .. } => Softmax::of(logits, 1.0, &mut [0.0; MAX_LEVELS]).nats(level),
        }
    }
}

/// Some logits with the weight of each level, e^((z_j - max) / temperature). That of the likeliest is 1.
struct Softmax<'a> {
    logits: &'a [f32],
    weights: &'a [f64],
    likeliest: usize,
}

impl<'a> Softmax<'a> {
    fn of(logits: &'a [f32], temperature: f64, room: &'a mut [f64; MAX_LEVELS]) -> Softmax<'a> {
        let likeliest = likeliest(logits);
        let max = f64::from(logits[likeliest]);
        let weights = &mut room[..logits.len()];
        for (weight, &logit) in weights.iter_mut().zip(logits) {
            // A quotient beyond f64 is -infinity, whose e^x is 0.
            *weight = math::exp((f64::from(logit) - max) / temperature);
        }
        Softmax { logits, weights, likeliest }
    }

    fn draw(&self, u: f64) -> u16 {
        let whole: f64 = self.weights.iter().sum();
        let mut sum = 0.0;
        let mut last = self.likeliest;
        for (level, &weight) in self.weights.iter().enumerate() {
            sum += weight;
            if sum > u * whole {
                return level as u16;
            }
            if weight > 0.0 {
                last = level;
            }
        }
        // Only for a u that rounds to 1: below, u * whole is less than the last sum, which is the whole.
        last as u16
    }

    /// Of weights at temperature 1.
    fn nats(&self, level: u16) -> f64 {
        let max = f64::from(self.logits[self.likeliest]);
        // ln of the sum of all weights: the likeliest's apart from the others, so that these count however small they are.
        let (before, after) = (&self.weights[..self.likeliest], &self.weights[self.likeliest + 1..]);
        let others: f64 = before.iter().chain(after).sum();
        let whole = if others <= 1.0 { math::ln_1p(others) } else { math::ln(1.0 + others) };
        max - f64::from(self.logits[usize::from(level)]) + whole
    }
}

/// The first of the largest logits.
fn likeliest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (level, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = level;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{self, Purpose, Words};

    const LESS_THAN_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

    /// Logits in -6..6.
    fn logits(count: usize, seed: u64) -> Vec<f32> {
        let mut words = Words::new(seed, Purpose::Shuffle, 0, 0);
        (0..count).map(|_| 12.0 * words.uniform() - 6.0).collect()
    }

    fn softmax(logits: &[f32]) -> Head {
        Head::Softmax { levels: logits.len() }
    }

    /// By the host's functions.
    fn probabilities(logits: &[f32], temperature: f64) -> Vec<f64> {
        let max = logits.iter().fold(f64::NEG_INFINITY, |max, &z| max.max(z.into()));
        let weights: Vec<f64> = logits.iter().map(|&z| ((f64::from(z) - max) / temperature).exp()).collect();
        let whole: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / whole).collect()
    }

    #[test]
    fn a_config_of_two_levels_has_one_logit() {
        let of = |levels| Head::of(&Config { levels, ..Config::reference() });
        assert_eq!((of(2), of(2).logits(), of(2).levels()), (Head::Sigmoid, 1, 2));
        assert_eq!((of(7), of(7).logits(), of(7).levels()), (Head::Softmax { levels: 7 }, 7, 7));
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_ties_go_low() {
        for u in [0.0, 0.5, LESS_THAN_ONE] {
            assert_eq!([0.1, 0.0, -0.1].map(|logit| Head::Sigmoid.draw(&[logit], 0.0, u)), [1, 0, 0]);
            for (logits, wanted) in [([1.0, 3.0, 2.0], 1), ([2.0, 2.0, 1.0], 0), ([-1.0, 5.0, 5.0], 1), ([0.0, -0.0, 0.0], 0)] {
                assert_eq!(softmax(&logits).draw(&logits, 0.0, u), wanted, "{logits:?}");
            }
        }
    }

    #[test]
    fn no_logit_and_no_temperature_overflows() {
        let sigmoid = |logit, u| Head::Sigmoid.draw(&[logit], 1e-308, u);
        assert_eq!([sigmoid(1.0, 0.999), sigmoid(-1.0, 0.0), sigmoid(0.0, 0.49)], [1, 0, 1]);
        let logits = [-1e38, 1e38, -f32::MAX, 1e38, 0.0];
        let head = softmax(&logits);
        for (temperature, half, last) in [(5e-324, 3, 3), (1e-308, 3, 3), (1.0, 3, 3), (1e308, 2, 4), (f64::MAX, 2, 4)] {
            let draws = [0.0, 0.5, LESS_THAN_ONE].map(|u| head.draw(&logits, temperature, u));
            assert_eq!(draws, [if temperature > 1.0 { 0 } else { 1 }, half, last], "temperature {temperature}");
        }
        let nats = [0, 1, 2, 3, 4].map(|level| head.nats(&logits, level));
        let (big, ln_2) = (f64::from(1e38f32), std::f64::consts::LN_2);
        assert_eq!(nats[..2], [2.0 * big, ln_2]);
        assert_eq!(nats[2..], [big + f64::from(f32::MAX), ln_2, big]);
    }

    #[test]
    fn a_level_without_probability_is_never_drawn() {
        // The first and the last are e^-1000 = 0 of the others. Even a u of 1, which none of ours is, stays among them.
        let logits = [-1000.0, 0.3, 0.1, -1000.0];
        let ends = [0.0, LESS_THAN_ONE, 1.0].map(|u| softmax(&logits).draw(&logits, 1.0, u));
        assert_eq!(ends, [1, 2, 2]);
        for seed in 0..2000 {
            let mut logits = self::logits(30, seed);
            logits.push(-800.0);
            assert!(softmax(&logits).draw(&logits, 1.0, LESS_THAN_ONE) < 30, "seed {seed}");
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        // Chi-square with 4 degrees of freedom exceeds 18.5, and with 15 exceeds 37.7, once in a thousand times. The seed is
        // fixed, so this cannot flake.
        for (levels, most) in [(5, 18.5), (16, 37.7)] {
            for (case, temperature) in [0.5, 1.0, 3.0].into_iter().enumerate() {
                let logits: Vec<f32> = self::logits(levels, 40 + case as u64).iter().map(|z| z * 0.3).collect();
                let n = 100_000u32;
                let mut counts = vec![0u32; levels];
                for i in 0..n {
                    let u = rng::pixel_uniform(1, i.into(), 3, 0);
                    counts[usize::from(softmax(&logits).draw(&logits, temperature, u))] += 1;
                }
                let square: f64 = probabilities(&logits, temperature)
                    .iter()
                    .zip(&counts)
                    .map(|(p, &count)| (f64::from(count) - p * f64::from(n)).powi(2) / (p * f64::from(n)))
                    .sum();
                assert!(square < most, "{levels} levels, temperature {temperature}: {square}");
            }
        }
        // Binomial, 40,000 draws: 5 standard deviations are 500 at p = 0.5.
        for (logit, temperature) in [(0.0f32, 1.0), (1.5, 1.0), (-2.0, 1.0), (1.5, 0.5), (-2.0, 3.0)] {
            let n = 40_000;
            let p = math::sigmoid(f64::from(logit) / temperature);
            let draw = |i| Head::Sigmoid.draw(&[logit], temperature, rng::pixel_uniform(1, i, 3, 0));
            let on = (0..n).filter(|&i| draw(i) == 1).count() as f64;
            let deviation = (n as f64 * p * (1.0 - p)).sqrt();
            assert!((on - n as f64 * p).abs() < 5.0 * deviation, "logit {logit}, temperature {temperature}: {on}");
        }
    }

    #[test]
    fn levels_share_all_probability() {
        for logit in [-30.0f32, -1.0, 0.0, 0.3, 30.0] {
            let sum: f64 = [0, 1].map(|level| math::exp(-Head::Sigmoid.nats(&[logit], level))).iter().sum();
            assert!((sum - 1.0).abs() < 1e-14, "{logit}: {sum}");
        }
        for levels in [2, 3, 17, 512] {
            let logits = self::logits(levels, 9);
            let sum: f64 = (0..levels).map(|level| math::exp(-softmax(&logits).nats(&logits, level as u16))).sum();
            assert!((sum - 1.0).abs() < 1e-13, "{levels}: {sum}");
        }
    }

    #[test]
    fn nats_are_those_of_the_hosts_functions() {
        for (levels, scale) in [(2, 1.0), (3, 20.0), (16, 0.01), (256, 1.0), (512, 3.0)] {
            let logits: Vec<f32> = self::logits(levels, 4).iter().map(|z| z * scale).collect();
            for (level, p) in probabilities(&logits, 1.0).into_iter().enumerate() {
                let (got, wanted) = (softmax(&logits).nats(&logits, level as u16), -p.ln());
                assert!((got - wanted).abs() <= 1e-13 * (1.0 + wanted), "level {level} of {levels}: {got}, {wanted}");
            }
        }
        // 1 - p is lost in p, and not in the nats.
        let sure = softmax(&[0.0, 50.0]).nats(&[0.0, 50.0], 1);
        assert!((sure / (-50f64).exp() - 1.0).abs() < 1e-14, "{sure}");
    }

    #[test]
    fn two_levels_are_the_same_by_either_head() {
        for seed in 0..200 {
            let [a, b]: [f32; 2] = logits(2, seed).try_into().unwrap();
            let difference = b - a;
            // Of the rounded difference, so that both heads are given the same.
            let pair = [0.0, difference];
            for level in [0, 1] {
                let (one, two) = (Head::Sigmoid.nats(&[difference], level), softmax(&pair).nats(&pair, level));
                assert!((one - two).abs() < 1e-12, "{difference}: {one}, {two}");
            }
            // Level 1 begins at 1 - p(1) here, and ends at p(1) there.
            for (temperature, u) in [(1.0, 0.3), (0.7, 0.8), (2.0, 0.5)] {
                let p = math::sigmoid(f64::from(difference) / temperature);
                if (u - (1.0 - p)).abs() > 1e-12 {
                    assert_eq!(softmax(&pair).draw(&pair, temperature, u), u16::from(u > 1.0 - p), "{difference}");
                }
            }
        }
    }
}
