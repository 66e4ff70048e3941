//! Nets with classes, all classes at once: how likely an image is, whatever its class, and which class it is of.

use crate::error::Error;
use crate::math;
use crate::memory::{Bytes, Memory, try_room};

/// From -ln p(x | y), in nats, of each image under each class, `[classes, images]`, all finite: a row for each image,
/// `[images, 1 + classes]`, of -ln p(x), in nats, and p(y | x).
///
/// No class is likelier than another before the image is seen: p(x) is the mean of p(x | y) over all y, and
/// p(y | x) = p(x | y) / sum of all p(x | y') by Bayes' theorem. Both are exact, since every class is summed over. Classes
/// whose p(x | y) is under e^-745 of the largest get the probability 0.
///
/// # Errors
/// [`Error::OutOfMemory`].
///
/// # Panics
/// Where `nats` are not of so many classes, or there is no class.
pub fn mixture(nats: &[f64], classes: usize) -> Result<Vec<f64>, Error> {
    assert!(classes > 0 && nats.len() % classes == 0);
    let images = nats.len() / classes;
    let planned = Bytes::of::<f64>(&[images as u64, classes as u64 + 1]);
    Memory::default().check(planned)?;
    let mut rows = planned.told(try_room(nats.len() + images))?;
    for image in 0..images {
        let of_classes = || nats[image..].iter().step_by(images);
        // Relative to the likeliest class, whose weight is 1: no p(x | y) itself is in the range of f64.
        let least = of_classes().fold(f64::INFINITY, |least, &nats| least.min(nats));
        let start = rows.len() + 1;
        rows.push(least);
        rows.extend(of_classes().map(|&nats| math::exp(least - nats)));
        let whole: f64 = rows[start..].iter().sum();
        rows[start - 1] -= math::ln(whole / classes as f64);
        for weight in &mut rows[start..] {
            *weight /= whole;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Words};

    #[test]
    fn it_is_bayes_theorem() {
        // Small enough that the probabilities themselves can be added.
        let (classes, images) = (3, 50);
        let mut words = Words::new(1, Purpose::Shuffle, 0, 0);
        let nats: Vec<f64> = (0..classes * images).map(|_| f64::from(words.uniform()) * 20.0).collect();
        let rows = mixture(&nats, classes).unwrap();
        assert_eq!(rows.len(), images * (1 + classes));
        for (image, row) in rows.chunks_exact(1 + classes).enumerate() {
            let given: Vec<f64> = (0..classes).map(|class| (-nats[class * images + image]).exp()).collect();
            let sum: f64 = given.iter().sum();
            assert!((row[0] + (sum / classes as f64).ln()).abs() < 1e-12, "image {image}: {row:?}");
            for (got, p) in row[1..].iter().zip(&given) {
                assert!((got - p / sum).abs() < 1e-14, "image {image}: {row:?}");
            }
        }
    }

    #[test]
    fn images_of_thousands_of_nats_keep_their_digits() {
        let ln_2 = std::f64::consts::LN_2;
        // An image that both classes give alike, one that the second gives twice as much, one that it does not give at all.
        let rows = mixture(&[4000.0, 1e5, 1e30, 4000.0, 1e5 - ln_2, 2e38], 2).unwrap();
        assert_eq!(rows[..3], [4000.0, 0.5, 0.5]);
        assert!((rows[3] - (1e5 - 1.5f64.ln())).abs() < 1e-9, "{}", rows[3]);
        assert!((rows[4] - 1.0 / 3.0).abs() < 1e-9 && (rows[5] - 2.0 / 3.0).abs() < 1e-9, "{rows:?}");
        assert_eq!(rows[6..], [1e30, 1.0, 0.0]);
        // One class is no mixture, and no image is no row.
        assert_eq!(mixture(&[0.25, 80.5], 1).unwrap(), [0.25, 1.0, 80.5, 1.0]);
        assert_eq!(mixture(&[], 10).unwrap(), []);
    }

    #[test]
    fn a_thousand_classes_share_all_probability() {
        let mut words = Words::new(2, Purpose::Shuffle, 0, 0);
        let nats: Vec<f64> = (0..1024 * 3).map(|_| 100.0 + 8.0 * f64::from(words.uniform())).collect();
        for row in mixture(&nats, 1024).unwrap().chunks_exact(1025) {
            let sum: f64 = row[1..].iter().sum();
            assert!((sum - 1.0).abs() < 1e-13, "{sum}");
            assert!(row[0] > 100.0 && row[0] < 108.0, "{}", row[0]);
        }
    }
}
