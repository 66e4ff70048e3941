//! From logits to a pixel's value, and back to what the value cost.
//!
//! A binary pixel has one logit, that of level 1. Everything is f64 by our own `exp`, so the same everywhere.

use crate::math;

/// The value that the uniform number `u` in [0, 1) draws: 1 where `u < sigmoid(logit / temperature)`.
///
/// Temperature 0 is the likelier level, ties to the lower.
pub fn draw(logit: f32, temperature: f64, u: f32) -> u8 {
    let logit = f64::from(logit);
    let on = if temperature == 0.0 { logit > 0.0 } else { f64::from(u) < math::sigmoid(logit / temperature) };
    u8::from(on)
}

/// -ln p(value), in nats, under the model itself (temperature 1): the binary cross-entropy of one pixel.
pub fn nats(logit: f32, value: u8) -> f64 {
    let logit = f64::from(logit);
    math::softplus(if value == 1 { -logit } else { logit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng;

    #[test]
    fn temperature_zero_takes_the_likelier_and_ties_go_low() {
        assert_eq!([draw(0.1, 0.0, 0.99), draw(0.0, 0.0, 0.0), draw(-0.1, 0.0, 0.0)], [1, 0, 0]);
    }

    #[test]
    fn a_tiny_temperature_does_not_overflow() {
        assert_eq!([draw(1.0, 1e-308, 0.999), draw(-1.0, 1e-308, 0.0), draw(0.0, 1e-308, 0.49)], [1, 0, 1]);
    }

    #[test]
    fn draws_follow_the_probability() {
        // Binomial, 40,000 draws: 5 standard deviations are 500 at p = 0.5. The seed is fixed, so this cannot flake.
        for (logit, temperature) in [(0.0f32, 1.0), (1.5, 1.0), (-2.0, 1.0), (1.5, 0.5), (-2.0, 3.0)] {
            let n = 40_000;
            let p = math::sigmoid(f64::from(logit) / temperature);
            let on = (0..n).filter(|&i| draw(logit, temperature, rng::pixel_uniform(1, i, 3, 0)) == 1).count() as f64;
            let deviation = (n as f64 * p * (1.0 - p)).sqrt();
            assert!((on - n as f64 * p).abs() < 5.0 * deviation, "logit {logit}, temperature {temperature}: {on}");
        }
    }

    #[test]
    fn the_two_levels_share_all_probability() {
        for logit in [-30.0f32, -1.0, 0.0, 0.3, 30.0] {
            let sum = math::exp(-nats(logit, 0)) + math::exp(-nats(logit, 1));
            assert!((sum - 1.0).abs() < 1e-14, "{logit}: {sum}");
        }
    }
}
