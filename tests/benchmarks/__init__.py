"""What a deletion and a purge cost compared with other clients: ratios measured side by side (`make bench`)."""
