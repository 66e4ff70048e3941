//! Everything that follows from a config, as JSON: what `inspect` prints and what the training graph is built from.

use crate::arithmetic::{Int16, F32};
use crate::cache::{Cache, Keep, Skip};
use crate::config::{Config, Precision};
use crate::error::Error;
use crate::json::quote;
use crate::layers::{Activation, Layer, Layers, MaskKind, Source};
use crate::schedule::Schedule;
use crate::weights::tensor_specs;

/// Layers with their taps, tensors with shapes and fans, receptive field, schedule, cost and memory of a net, as JSON.
///
/// # Errors
/// [`Error::OutOfMemory`] where the cache of one image cannot be had.
pub fn describe(config: &Config) -> Result<String, Error> {
    let net = Layers::new(config);
    let (height, width, pixels) = (config.height, config.width, config.pixels());
    let schedule = Schedule::wavefront(&net, height, width).expect("an architecture expands to causal layers");
    let keep = Keep::Needed(Skip::default());
    let (state_bytes, _) = match config.precision {
        Precision::F32 => Cache::<F32>::new(config, &net, schedule.clone(), 1, keep)?.bytes(),
        Precision::Int16 => Cache::<Int16>::new(config, &net, schedule.clone(), 1, keep)?.bytes(),
    };
    let field = net.receptive_field(height, width);
    let (above, left, right) = field.reach();
    let macs: u64 = net.iter().map(Layer::macs).sum();
    let full: u64 = net.iter().map(|l| l.parameters() - l.out_channels as u64).sum();
    let tensors =
        list(tensor_specs(&net, config.precision).iter().map(|t| {
            format!(r#"{{"name":{},"shape":{:?},"fanIn":{},"fanOut":{}}}"#, quote(&t.name), t.shape, t.fan_in, t.fan_out)
        }));
    Ok(format!(
        concat!(
            r#"{{"config":{config},"layers":{layers},"tensors":{tensors},"#,
            r#""parameters":{parameters},"nonZeroParameters":{non_zero},"#,
            r#""receptiveField":{{"pixels":{field},"above":{above},"left":{left},"right":{right}}},"#,
            r#""schedule":{{"slope":{slope},"leads":{leads:?},"fronts":{fronts},"pixelsPerFront":{per_front}}},"#,
            r#""macsPerPixel":{macs},"macsPerImage":{image},"naiveMacsPerImage":{naive},"stateBytes":{state}}}"#
        ),
        config = config.to_json(),
        layers = list(net.iter().map(|l| layer(l, &net))),
        tensors = tensors,
        parameters = net.iter().map(Layer::parameters).sum::<u64>(),
        non_zero = net.iter().map(Layer::non_zero_parameters).sum::<u64>(),
        field = field.len(),
        above = above,
        left = left,
        right = right,
        slope = schedule.slope,
        leads = schedule.leads,
        fronts = schedule.steps(),
        per_front = pixels as f64 / schedule.steps() as f64,
        macs = macs,
        image = macs * pixels as u64,
        // Full kernels, forbidden taps multiplied too, for every pixel of the image at every pixel: what a framework does.
        naive = full as u128 * pixels as u128 * pixels as u128,
        state = state_bytes,
    ))
}

fn layer(layer: &Layer, net: &Layers) -> String {
    let inputs = list(layer.inputs.iter().map(|input| {
        let source = match input.source {
            Source::Pixels => quote("pixels"),
            Source::Layer(source) => quote(&net[source].name),
        };
        let mask = match input.mask {
            Some(MaskKind::A) => r#""A""#,
            Some(MaskKind::B) => r#""B""#,
            None => "null",
        };
        let taps = list(input.taps.iter().map(|t| format!("[{},{}]", t.dy, t.dx)));
        format!(
            r#"{{"source":{source},"kernel":{},"kernelSize":{},"mask":{mask},"channels":{},"taps":{taps}}}"#,
            quote(&input.kernel),
            input.kernel_size,
            input.channels
        )
    }));
    let activation = match layer.activation {
        Activation::None => "none",
        Activation::Relu => "relu",
    };
    format!(
        concat!(
            r#"{{"name":{},"inputs":{},"bias":{},"outChannels":{},"activation":"{}","residual":{},"#,
            r#""group":{},"parameters":{},"nonZeroParameters":{},"macs":{}}}"#
        ),
        quote(&layer.name),
        inputs,
        quote(&layer.bias),
        layer.out_channels,
        activation,
        layer.residual.map_or("null".into(), |source| quote(&net[source].name)),
        quote(&layer.group),
        layer.parameters(),
        layer.non_zero_parameters(),
        layer.macs()
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}
