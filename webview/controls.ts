/**
 * The user interface's controls. This is the only file that knows which toolkit they come from: another one takes
 * its place here.
 */
import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import { element, icon, type IconName } from './dom';

provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodeProgressRing(),
  vsCodeTextField(),
);

/** A control that can be shown, hidden and switched off. */
export interface Control extends HTMLElement {
  disabled: boolean;
}

interface ValueControl extends Control {
  value: string;
}

export interface ButtonOptions {
  readonly text?: string;
  readonly icon?: IconName;
  /** What it does, in words: needed where there is only an icon. */
  readonly label?: string;
  readonly appearance?: 'primary' | 'secondary' | 'icon';
  readonly onClick: () => void;
}

export function button({ text, icon: iconName, label, appearance, onClick }: ButtonOptions): Control {
  const control = document.createElement('vscode-button') as Control;
  control.setAttribute('appearance', appearance ?? (text === undefined ? 'icon' : 'secondary'));
  if (label !== undefined) {
    control.title = label;
    control.setAttribute('aria-label', label);
  }
  if (iconName) {
    const picture = icon(iconName);
    if (text !== undefined) picture.setAttribute('slot', 'start');
    control.append(picture);
  }
  if (text !== undefined) control.append(text);
  control.addEventListener('click', onClick);
  return control;
}

export interface TextField {
  readonly element: HTMLElement;
  value: string;
  focus(): void;
}

/** @param onInput called with the text at every change; `onKey` gets the keys pressed in it. */
export function textField(
  label: string,
  onInput: (text: string) => void,
  onKey: (event: KeyboardEvent) => void,
): TextField {
  const control = document.createElement('vscode-text-field') as ValueControl;
  control.setAttribute('placeholder', label);
  control.setAttribute('aria-label', label);
  control.append(element('span', { slot: 'start' }, icon('search')));
  control.addEventListener('input', () => onInput(control.value));
  control.addEventListener('keydown', onKey);
  return {
    element: control,
    get value() {
      return control.value;
    },
    set value(text) {
      control.value = text;
    },
    focus: () => control.focus(),
  };
}

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export interface Dropdown {
  readonly element: HTMLElement;
  /** Show these choices with the one of that value chosen. */
  set(choices: readonly Choice[], value: string): void;
}

export function dropdown(label: string, onChange: (value: string) => void): Dropdown {
  const control = document.createElement('vscode-dropdown') as ValueControl;
  control.setAttribute('aria-label', label);
  control.title = label;
  control.addEventListener('change', () => onChange(control.value));
  let shown = '';
  return {
    element: control,
    set(choices, value) {
      const key = JSON.stringify(choices);
      if (key !== shown) {
        shown = key;
        control.replaceChildren(
          ...choices.map((choice) => {
            const option = document.createElement('vscode-option');
            option.setAttribute('value', choice.value);
            option.textContent = choice.text;
            return option;
          }),
        );
      }
      control.value = value;
    },
  };
}

export function progressRing(): HTMLElement {
  return document.createElement('vscode-progress-ring');
}
