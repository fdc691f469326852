/** Two reports of Autobahn's fuzzing client in, direct and through Holdfast; out comes what the proxy changed. */
@NullMarked
package dev.holdfast.e2e.autobahn;

import org.jspecify.annotations.NullMarked;
