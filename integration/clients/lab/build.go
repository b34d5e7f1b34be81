package lab

// captureBuild is set in a capture build.
var captureBuild bool
