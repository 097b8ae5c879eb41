"""HTTP with a hard deadline and a byte budget for every exchange; no redirects, retries, proxies or cookies."""
