import { mount } from 'svelte'
import App from './components/app.svelte'
import './style.css'

mount(App, { target: document.getElementById('app')! })
