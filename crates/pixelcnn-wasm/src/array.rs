//! JavaScript's arrays of numbers, read and made fallibly: the generated glue would stop the module where there is no room
//! for a copy.

use crate::js_error;
use pixelcnn::Error;
use pixelcnn::format::MAX_HEADER;
use pixelcnn::memory::{Bytes, headroom, try_zeroed};
use wasm_bindgen::prelude::*;

/// Declares array types: the name in both languages, its numbers, and the name as TypeScript sees it.
macro_rules! arrays {
    ($($name:ident, $number:ty, $type:literal;)+) => {$(
        #[wasm_bindgen]
        extern "C" {
            #[doc = concat!("JavaScript's `", $type, "`.")]
            #[wasm_bindgen(typescript_type = $type)]
            pub type $name;
            #[wasm_bindgen(constructor, catch)]
            fn new(length: f64) -> Result<$name, JsValue>;
            #[wasm_bindgen(method, getter)]
            fn length(this: &$name) -> f64;
            #[wasm_bindgen(method, js_name = set)]
            fn fill_from(this: &$name, values: &[$number]);
            #[wasm_bindgen(catch, js_namespace = $name, js_name = "prototype.set.call")]
            fn copy_to(values: &mut [$number], this: &$name) -> Result<(), JsValue>;
        }

        #[allow(dead_code, reason = "not every type goes both ways")]
        impl $name {
            /// A copy inside.
            pub fn take(&self) -> Result<Vec<$number>, JsValue> {
                let length = self.length();
                let too_long = || js_error(Error::OutOfMemory { bytes: length as u64 * size_of::<$number>() as u64, limit: None });
                let length = u32::try_from(length as u64).map_err(|_| too_long())?;
                let mut values = try_zeroed(length as usize).map_err(js_error)?;
                $name::copy_to(&mut values, self)?;
                Ok(values)
            }

            /// A copy outside.
            pub fn of(values: &[$number]) -> Result<$name, JsValue> {
                let none = |_| js_error(Error::OutOfMemory { bytes: size_of_val(values) as u64, limit: None });
                let array = $name::new(values.len() as f64).map_err(none)?;
                array.fill_from(values);
                Ok(array)
            }
        }
    )+};
}

arrays! {
    Uint8Array, u8, "Uint8Array";
    Uint16Array, u16, "Uint16Array";
    Uint32Array, u32, "Uint32Array";
    Float32Array, f32, "Float32Array";
    Float64Array, f64, "Float64Array";
}

#[wasm_bindgen]
extern "C" {
    /// Levels: of either array that is given the numbers are taken, and a `Uint8Array` is made where that holds them.
    #[wasm_bindgen(typescript_type = "Uint8Array | Uint16Array")]
    pub type Levels;
    #[wasm_bindgen(method, getter)]
    fn length(this: &Levels) -> f64;
    #[wasm_bindgen(catch, js_namespace = Uint16Array, js_name = "prototype.set.call")]
    fn copy_levels(values: &mut [u16], this: &Levels) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = set)]
    fn fill_from_levels(this: &Uint8Array, values: &[u16]);
}

impl Levels {
    /// A copy inside.
    pub fn take(&self) -> Result<Vec<u16>, JsValue> {
        let length = self.length() as u64;
        let too_long = |_| js_error(Error::OutOfMemory { bytes: length.saturating_mul(2), limit: None });
        let mut values = try_zeroed(u32::try_from(length).map_err(too_long)? as usize).map_err(js_error)?;
        copy_levels(&mut values, self)?;
        Ok(values)
    }

    /// A copy outside, of levels of so many.
    pub fn of(values: &[u16], levels: usize) -> Result<Levels, JsValue> {
        let array: JsValue = if levels > 256 {
            Uint16Array::of(values)?.into()
        } else {
            let none = |_| js_error(Error::OutOfMemory { bytes: values.len() as u64, limit: None });
            let array = Uint8Array::new(values.len() as f64).map_err(none)?;
            array.fill_from_levels(values);
            array.into()
        };
        Ok(array.unchecked_into())
    }
}

#[wasm_bindgen]
extern "C" {
    /// JavaScript's strings.
    #[wasm_bindgen(typescript_type = "string")]
    pub type Text;
    #[wasm_bindgen(method, getter)]
    fn length(this: &Text) -> f64;
}

impl Text {
    /// A copy inside. `name` is what it is called where it is too long for anything that has a use for it.
    pub fn take(&self, name: &str) -> Result<String, JsValue> {
        let length = self.length() as u64;
        if length > MAX_HEADER as u64 {
            return Err(js_error(Error::InvalidArgument {
                reason: format!("{name} must be at most {MAX_HEADER} long, got {length}"),
            }));
        }
        // The glue makes room for what is ASCII, then for thrice as much.
        headroom(Bytes(4 * length)).map_err(js_error)?;
        let text: &JsValue = self.as_ref();
        text.as_string().ok_or_else(|| js_error(Error::InvalidArgument { reason: format!("{name} must be a string") }))
    }
}
