"""What a deletion costs, here and with others: ratios taken side by side in one run (`make bench`)."""
