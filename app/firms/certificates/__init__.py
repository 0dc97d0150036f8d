"""Tax and social-contribution certificates of firms, as a territory holds them."""
