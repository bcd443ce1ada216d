//! The names by which the platform finds a plugin in its module.

/// Makes a crate a plugin: exports the calls of the platform for a type that is a [`crate::Plugin`], and puts the
/// manifest, a file beside the one that says this, into the module.
///
/// The memory belongs to the plugin: the platform asks for room, writes there, and calls. Nothing reads a foreign
/// address, so the only thing that the compiler has to be trusted with are the names.
#[macro_export]
macro_rules! export {
    ($plugin:ty, $manifest:literal) => {
        thread_local! {
            static LEITMOTIF_HOST: ::std::cell::RefCell<$crate::Host<$plugin>> =
                ::std::cell::RefCell::default();
        }

        #[cfg(target_family = "wasm")]
        #[used]
        #[unsafe(link_section = "leitmotif.plugin")]
        static LEITMOTIF_MANIFEST: [u8; include_bytes!($manifest).len()] =
            *include_bytes!($manifest);

        /// Tells the platform where it may write so many bytes.
        #[unsafe(no_mangle)]
        pub extern "C" fn leitmotif_buffer(byte_count: i32) -> i32 {
            LEITMOTIF_HOST.with_borrow_mut(|host| {
                host.buffer(byte_count.max(0) as usize).as_mut_ptr() as usize as i32
            })
        }

        /// Takes a new track.
        #[unsafe(no_mangle)]
        pub extern "C" fn leitmotif_begin(_byte_count: i32) {
            LEITMOTIF_HOST.with_borrow_mut(|host| host.begin());
        }

        /// Hears the next samples.
        #[unsafe(no_mangle)]
        pub extern "C" fn leitmotif_audio(_frame_count: i32) {
            LEITMOTIF_HOST.with_borrow_mut(|host| host.hear());
        }

        /// Tells the platform where the answer lies: its address in the high half, its length in the low one.
        #[unsafe(no_mangle)]
        pub extern "C" fn leitmotif_finish() -> i64 {
            LEITMOTIF_HOST.with_borrow_mut(|host| {
                let answer = host.finish();
                ((answer.as_ptr() as usize as i64) << 32) | answer.len() as i64
            })
        }
    };
}
